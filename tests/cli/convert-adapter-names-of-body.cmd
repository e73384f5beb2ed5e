convert tests/golden/convert/names-of-body $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/names-of-body.safetensors
