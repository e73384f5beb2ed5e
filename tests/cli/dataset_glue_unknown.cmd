dataset glue/qqx
