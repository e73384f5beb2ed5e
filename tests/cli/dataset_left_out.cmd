dataset tests/golden/data/mixed.parquet
