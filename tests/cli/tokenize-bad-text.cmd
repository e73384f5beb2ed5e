tokenize --tokenizer tests/golden/text/small
