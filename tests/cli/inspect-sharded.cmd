inspect tests/golden/ckpt/sharded/model.safetensors.index.json
