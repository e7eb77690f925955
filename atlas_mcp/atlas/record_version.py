"""The version of the records' shape, which records that open, resume or question a run state."""

from __future__ import annotations

SCHEMA_VERSION = 5
"""Version of the records' shape; raised with every change that old readers cannot read.
2: `CallsLost` and `RunResumed`. 3: `SolverReplied`. 4: `AnswersCompared`. 5: questions about a run.
Records of every earlier version are read as they are."""
