convert tests/golden/convert/all-zero-B $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/all-zero-B.safetensors
