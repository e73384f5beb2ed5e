convert tests/golden/convert/classifier-of-body $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/classifier-of-body.safetensors
