train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --train-file a.jsonl --text-columns a,b,c --output-dir $TMP/x
