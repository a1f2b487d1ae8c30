"""Who is asking: API keys, their tokens and roles, and the limit on failed attempts."""
