convert tests/golden/convert/flag-wrong $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/flag-wrong.safetensors
