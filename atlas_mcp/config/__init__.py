"""The configuration: its sections and values, the places they are read from, and their errors."""
