inspect tests/golden/torch/views.pt
