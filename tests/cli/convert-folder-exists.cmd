convert tests/golden/convert/gpt2 $TMP/out
then convert tests/golden/convert/tied $TMP/out
