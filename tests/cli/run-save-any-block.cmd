-q method=simple_average modelpool=gpt-2_demo taskpool=dummy merged_model_save_path=$TMP/a.safetensors hydra.run.dir=$TMP/run print_config=false
then -q method=simple_average modelpool=gpt-2_demo taskpool=dummy merged_model_save_path=$TMP/b.safetensors merge_block=1000 threads=1 hydra.run.dir=$TMP/run print_config=false
then diff $TMP/a.safetensors $TMP/b.safetensors
