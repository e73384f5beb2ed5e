convert a b c
