convert tests/golden/convert/tied/pytorch_model.bin $TMP/out.safetensors
then diff tests/golden/convert/tied/pytorch_model.bin $TMP/out.safetensors
