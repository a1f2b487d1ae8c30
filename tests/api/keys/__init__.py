"""Keys in memory: how soon a change takes effect, the limit on failed attempts, the last use."""
