"""Customer Lifetime Value: the domain and its HTTP face."""
