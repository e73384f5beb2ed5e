dataset glue/mnli --split validation --data-dir embedded:demo/data --limit 1
