dataset demo/data/cola/validation-00000-of-00001.parquet --prompts --task rte
