convert --base tests/golden/convert/integers.safetensors tests/golden/convert/embedding-of-t5 $TMP/out.safetensors
