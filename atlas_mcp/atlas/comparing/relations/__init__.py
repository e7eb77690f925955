"""Equations, inequalities, intervals: mathematics that says what a name may be."""
