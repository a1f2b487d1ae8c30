"""What a tenant sees of others: nothing."""
