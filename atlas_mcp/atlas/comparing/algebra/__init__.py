"""Expressions: one line of mathematics, parsed, and brought into one form where it is exact."""
