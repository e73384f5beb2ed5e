diff x
