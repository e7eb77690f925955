"""Finding out which features the model of an endpoint supports, by asking it."""
