convert --base tests/golden/convert/copies-differ.safetensors tests/golden/convert/embedding-of-t5 $TMP/out.safetensors
