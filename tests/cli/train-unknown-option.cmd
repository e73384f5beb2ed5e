train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --learning-rat 1
