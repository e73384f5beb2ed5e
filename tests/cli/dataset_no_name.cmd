dataset
