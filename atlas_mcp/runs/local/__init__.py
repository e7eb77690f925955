"""The engine that drives runs in this process."""
