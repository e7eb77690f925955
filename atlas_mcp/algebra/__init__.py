"""A computer algebra system in a child process: the last step of the comparison of answers."""
