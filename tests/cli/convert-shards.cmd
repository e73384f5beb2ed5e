convert tests/golden/ckpt/sharded $TMP/out.safetensors
then diff tests/golden/ckpt/sharded $TMP/out.safetensors
