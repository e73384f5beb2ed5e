tokenize --tokenizer embedded:demo/flan-t5/tokenizer
