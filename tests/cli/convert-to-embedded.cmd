convert tests/golden/convert/gpt2 embedded:demo/out
