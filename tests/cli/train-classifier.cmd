train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --data-dir embedded:demo/data --task sst2 --output $TMP/x --epochs 2 --batch-size 32 --learning-rate 1e-3 --max-eval-samples 64
then inspect $TMP/x/best
