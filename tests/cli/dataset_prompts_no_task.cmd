dataset tests/golden/data/full.jsonl --prompts
