train --model tests/seed/t5/base --data-dir tests/seed/t5/data --task cola --objective classification --output-dir $TMP/x
