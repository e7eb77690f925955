"""Driving one run under its lease: the room that every engine stands on."""
