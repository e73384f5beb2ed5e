convert tests/golden/convert/tied $TMP/a/out --dtype bfloat16
then inspect $TMP/a/out
then convert $TMP/a/out $TMP/again --dtype float32
