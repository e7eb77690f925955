"""The pages of runs over HTTP, for browsers: what they read and do, and who may ask."""
