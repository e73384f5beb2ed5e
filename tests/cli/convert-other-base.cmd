convert --base tests/golden/convert/t5 tests/golden/convert/bin-only $TMP/out
