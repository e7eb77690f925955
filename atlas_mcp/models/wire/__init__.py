"""Talking to an HTTP endpoint of any vendor: requests out, replies and errors in."""
