"""What is in a cell: customers, times, amounts."""
