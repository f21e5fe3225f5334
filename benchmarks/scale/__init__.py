"""Archives: what sharding and Ray cost beside `predict_many`, and what follows for many machines."""
