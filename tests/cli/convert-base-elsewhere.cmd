convert tests/golden/convert/base-elsewhere $TMP/out
