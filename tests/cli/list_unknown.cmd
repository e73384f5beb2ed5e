list model
