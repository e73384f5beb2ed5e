convert tests/golden/convert/gpt2 tests/golden/convert/bin-only --force
