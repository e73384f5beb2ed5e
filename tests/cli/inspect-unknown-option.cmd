inspect --jsn x
