"""MCP in, MCP out: the only room that knows the protocol."""
