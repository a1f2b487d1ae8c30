"""The histories of scores: which rows writing a score adds, and that they form a chain."""
