"""The seam to the store of runs: their records, and the process that drives each."""
