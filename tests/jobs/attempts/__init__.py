"""Attempts that fail: what is tried again, when, and by which version of the service."""
