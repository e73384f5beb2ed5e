dataset glue/sst2 --data-dir embedded:demo/data --limit 2
