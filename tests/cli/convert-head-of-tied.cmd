convert tests/golden/convert/head-of-tied $TMP/out
