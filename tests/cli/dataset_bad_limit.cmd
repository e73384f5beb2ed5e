dataset glue/sst2 --limit some
