inspect --json --sha256 tests/golden/ckpt/types.safetensors
