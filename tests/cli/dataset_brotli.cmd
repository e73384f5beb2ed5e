dataset tests/golden/data/brotli.parquet
