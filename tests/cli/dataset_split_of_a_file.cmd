dataset tests/golden/data/full.jsonl --split train
