convert embedded:demo/gpt2/cola $TMP/out
then diff embedded:demo/gpt2/cola $TMP/out
