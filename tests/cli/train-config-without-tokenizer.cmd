train --config c.json --task cola --output-dir $TMP/x
