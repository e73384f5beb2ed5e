convert tests/golden/convert/gpt2 $TMP/out --dtype int8
