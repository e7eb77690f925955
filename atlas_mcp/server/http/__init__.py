"""Serving over HTTP: connections, bodies, names of hosts, and clients that hang up."""
