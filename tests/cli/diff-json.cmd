diff tests/golden/ckpt/a.safetensors tests/golden/ckpt/b.safetensors --json
