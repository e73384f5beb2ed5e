train --task cola --output-dir $TMP/x
