convert tests/golden/convert/embedding-of-tied $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/embedding-of-tied.safetensors
