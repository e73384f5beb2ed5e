diff tests/golden/torch/views.pt tests/golden/torch/extras.pt --json
