list methods
