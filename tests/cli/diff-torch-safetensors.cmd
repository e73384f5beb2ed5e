diff tests/golden/torch/types.legacy.pt tests/golden/torch/types.safetensors
