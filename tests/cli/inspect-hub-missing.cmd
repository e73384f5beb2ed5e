inspect org/name
env HF_HOME=$TMP/hf
