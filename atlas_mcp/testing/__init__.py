"""Fakes and conformance suites for tests, shipped so that others can use them too."""
