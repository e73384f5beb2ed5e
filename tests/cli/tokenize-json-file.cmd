tokenize --tokenizer tests/golden/text/small/tokenizer.json
