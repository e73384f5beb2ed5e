inspect tests/fuzz/corpus/safetensors/overlap
