train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --data-dir embedded:demo/data --task cola --output-dir $TMP/x --max-train-samples 8 --max-eval-samples 8 --epochs 1
then train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --data-dir embedded:demo/data --task cola --output-dir $TMP/x
