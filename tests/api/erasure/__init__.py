"""What is left of an erased customer."""
