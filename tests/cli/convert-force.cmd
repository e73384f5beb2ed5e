convert tests/golden/convert/types.safetensors $TMP/out.safetensors
then convert tests/golden/convert/gpt2 $TMP/out.safetensors --force
then diff tests/golden/convert/gpt2 $TMP/out.safetensors
