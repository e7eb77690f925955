"""The policies that a run can follow, one file each, by name in `registry`; and their parts."""
