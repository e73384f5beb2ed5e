dataset tests/golden/data/nulls_snappy_v2_dict.parquet --limit 3
