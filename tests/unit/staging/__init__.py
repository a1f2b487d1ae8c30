"""What is staged before it is merged, on both databases."""
