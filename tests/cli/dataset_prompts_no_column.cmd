dataset demo/data/cola/validation.tsv --prompts --task rte
