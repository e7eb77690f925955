"""What people press at a console of this system."""

from __future__ import annotations

import sys

END_OF_INPUT = "Ctrl-Z" if sys.platform == "win32" else "Ctrl-D"
"""The keys that end what is typed at a terminal, on a line of their own."""
