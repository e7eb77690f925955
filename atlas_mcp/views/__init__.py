"""The words about a run: pure functions from states and values to what callers and people read."""
