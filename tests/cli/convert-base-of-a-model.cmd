convert --base tests/golden/convert/gpt2 tests/golden/convert/tied $TMP/out
