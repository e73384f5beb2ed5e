-q method=simple_average modelpool=gpt-2_demo taskpool=dummy merged_model_save_path=$TMP/a.safetensors hydra.run.dir=$TMP/run print_config=false
env OMP_NUM_THREADS=100000
