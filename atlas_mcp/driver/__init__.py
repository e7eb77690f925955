"""The driver process: carries out the runs of one server, and outlives it."""
