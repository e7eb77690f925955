"""The configuration: what may be set, where it is read from, and what is wrong with it."""
