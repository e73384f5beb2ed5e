convert tests/golden/convert/bin-and-safetensors-differ $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/bin-and-safetensors-differ.safetensors
