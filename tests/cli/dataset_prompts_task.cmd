dataset demo/data/sst2/validation.tsv --prompts --task glue-sst2 --limit 1
