convert tests/golden/convert/bin-only/adapter_model.bin $TMP/out.safetensors
then inspect $TMP/out.safetensors
