convert tests/golden/convert/bin-only $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/bin-only.safetensors
