tokenize --tokenizer tests/golden/text/small --decode --max-length 4
