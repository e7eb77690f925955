"""`python -m atlas_mcp` is `atlas-mcp`."""

import sys

from atlas_mcp.program import main

sys.exit(main())
