convert tests/golden/convert/target-absent-in-base $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/target-absent-in-base.safetensors
