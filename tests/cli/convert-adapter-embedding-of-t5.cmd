convert tests/golden/convert/embedding-of-t5 $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/embedding-of-t5.safetensors
