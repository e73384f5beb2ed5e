train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --task cola --eval-file e.jsonl --output-dir $TMP/x
