"""Pictures of a problem: checked for damage and fitted to each model's limits."""
