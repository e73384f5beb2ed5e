dataset tests/fuzz/corpus/parquet/hurt_2.parquet
