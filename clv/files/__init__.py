"""Files of rows: transactions and summaries in, records out."""
