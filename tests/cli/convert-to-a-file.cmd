convert tests/golden/convert/gpt2 tests/golden/convert/gpt2/config.json
