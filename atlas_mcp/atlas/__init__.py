"""The algorithm: pure values and pure functions, no I/O, no clock, no vendor, no MCP."""
