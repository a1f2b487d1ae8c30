"""Files of rows, in and out: CSV and NDJSON."""
