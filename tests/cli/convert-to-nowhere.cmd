convert tests/golden/convert/gpt2 /dev/null/out
