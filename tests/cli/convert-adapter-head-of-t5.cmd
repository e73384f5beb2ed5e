convert tests/golden/convert/head-of-t5 $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/head-of-t5.safetensors
