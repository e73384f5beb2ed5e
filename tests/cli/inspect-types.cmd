inspect tests/golden/ckpt/types.safetensors
