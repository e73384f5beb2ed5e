train --config c.json --tokenizer t --task cola --lora-r 4 --output-dir $TMP/x
