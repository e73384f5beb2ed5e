convert org/nowhere $TMP/out.safetensors
