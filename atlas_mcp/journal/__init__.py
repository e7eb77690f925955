"""One seam to what outlives the process: the records of runs, and who drives them."""
