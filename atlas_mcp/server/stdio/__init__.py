"""Serving over stdin and stdout, for the one client that started this process."""
