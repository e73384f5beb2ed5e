inspect tests/golden/torch/refused/system.pt
