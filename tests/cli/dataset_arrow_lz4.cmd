dataset tests/golden/data/lz4.arrow
