"""Answers of several parts, and of none: sets, lists, points, matrices; logic and growth."""
