"""The journal of one machine: a file that its processes share."""
