train --model embedded:demo/gpt2/_pretrained_ --data-dir embedded:demo/data --task cola --output-dir $TMP/x
