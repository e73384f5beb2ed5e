convert tests/golden/convert/types.safetensors $TMP/out.safetensors
then diff tests/golden/convert/types.safetensors $TMP/out.safetensors
then inspect $TMP/out.safetensors
