convert $TMP/nothing $TMP/out.safetensors
