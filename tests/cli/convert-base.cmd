convert --base tests/golden/convert/gpt2 tests/golden/convert/base-elsewhere $TMP/out.safetensors
then diff $TMP/out.safetensors tests/golden/convert/bin-only.safetensors
