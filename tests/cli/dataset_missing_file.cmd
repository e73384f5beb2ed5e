dataset no/such/file.jsonl
