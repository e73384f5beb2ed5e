convert tests/golden/convert/classifier $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/classifier.safetensors
