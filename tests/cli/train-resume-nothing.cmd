train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --data-dir embedded:demo/data --task cola --output-dir $TMP/x --resume-from-checkpoint $TMP/x/last
