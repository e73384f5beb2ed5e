train --model embedded:demo/gpt2/_pretrained_ --tokenizer embedded:demo/gpt2/tokenizer --adam-beta1 1
