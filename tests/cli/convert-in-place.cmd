convert tests/golden/convert/types.safetensors $TMP/out.safetensors
then convert $TMP/out.safetensors $TMP/out.safetensors --force --dtype bfloat16
then inspect $TMP/out.safetensors
