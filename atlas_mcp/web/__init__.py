"""Serving web applications to the clients of this machine: sockets, connections, names."""
