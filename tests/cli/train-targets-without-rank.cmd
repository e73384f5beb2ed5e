train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --task cola --target-modules c_attn --output-dir $TMP/x
