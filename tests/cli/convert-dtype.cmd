convert tests/golden/convert/types.safetensors $TMP/out.safetensors --dtype float16
then inspect $TMP/out.safetensors --sha256
