"""The rate limit of a key and of its tenant."""
