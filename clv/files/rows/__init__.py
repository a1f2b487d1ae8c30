"""Transactions from the rows of a file."""
