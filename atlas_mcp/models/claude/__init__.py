"""Claude models, behind the Messages API."""
