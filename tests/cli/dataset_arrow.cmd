dataset tests/golden/data/nulls_dictionary.arrow --limit 3
