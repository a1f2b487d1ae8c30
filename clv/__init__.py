"""The Customer Lifetime Value service. Its queue is in ``jobs``."""
