"""The revenue by day, week or month."""
