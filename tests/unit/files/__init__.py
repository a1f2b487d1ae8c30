"""Reading files of transactions."""
