"""Requests that no honest client sends: the table of tests/api/test_abuse.py."""
