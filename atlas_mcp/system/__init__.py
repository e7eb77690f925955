"""All that differs between operating systems; no other room asks which one it runs on.

A facility that a system lacks is asked for (`hasattr`, an import that may fail), never assumed.
Only these modules import `fcntl`, `msvcrt`, `resource` or `ctypes`, or name flags and signals that
are not everywhere. Nothing is imported here: `this_process` runs before anything else is loaded.
"""
