dataset demo/data/sst2/validation-00000-of-00001.parquet --prompts --task glue-sst2 --limit 1
