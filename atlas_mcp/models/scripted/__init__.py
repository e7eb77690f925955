"""Models that play a script, for tests and demonstrations."""
