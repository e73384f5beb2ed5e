train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --data-dir embedded:demo/data --task cola --lora-r 2 --target-modules q,v --output-dir $TMP/x
