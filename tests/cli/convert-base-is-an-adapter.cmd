convert --base tests/golden/convert/flag-wrong tests/golden/convert/bin-only $TMP/out
