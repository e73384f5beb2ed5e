convert tests/golden/convert/classifier $TMP/out
then diff $TMP/out tests/golden/convert/classifier.safetensors
