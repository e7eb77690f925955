"""The command line: argv in, exit code out. Data on stdout, everything for people on stderr."""
