convert tests/golden/convert/pissa $TMP/out.safetensors
