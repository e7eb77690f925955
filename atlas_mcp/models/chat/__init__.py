"""Models behind Chat Completions: OpenAI and every endpoint that speaks its API."""
