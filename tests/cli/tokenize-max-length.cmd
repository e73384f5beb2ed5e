tokenize --tokenizer tests/golden/text/small --max-length 3
