dataset tests/fuzz/corpus/jsonl/mixed
