dataset glue/cola --task cola
