convert tests/golden/convert/no-base-named $TMP/out
