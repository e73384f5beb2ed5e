inspect tests/golden/torch/refused/script.pt
