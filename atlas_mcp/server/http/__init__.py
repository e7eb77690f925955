"""Serving MCP over HTTP: bodies, and clients that hang up."""
