dataset glue/rte --data-dir $TMP/data
env HF_HOME=$TMP/hf
