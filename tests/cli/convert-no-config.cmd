convert tests/golden/convert/types.safetensors $TMP/out
