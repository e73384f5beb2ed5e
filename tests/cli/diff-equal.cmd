diff tests/golden/ckpt/sharded tests/golden/ckpt/sharded
