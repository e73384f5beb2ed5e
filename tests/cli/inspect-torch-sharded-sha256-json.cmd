inspect tests/golden/torch/sharded --json --sha256
