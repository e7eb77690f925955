"""Embedded models: llama.cpp in a child process, and the files of weights it runs."""
