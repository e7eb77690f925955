"""Carrying runs out: commands become calls, results become records."""
