train --model tests/seed/t5/base --data-dir tests/seed/t5/data --task rte --output-dir $TMP/x
