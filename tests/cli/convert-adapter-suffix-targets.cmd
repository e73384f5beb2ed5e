convert tests/golden/convert/suffix-targets $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/suffix-targets.safetensors
