dataset glue/cola --data-dir demo/data --prompts --limit 2
