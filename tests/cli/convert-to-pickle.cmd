convert tests/golden/convert/gpt2 $TMP/out.bin
