tokenize --tokenizer tests/golden/text/small --no-special --decode
