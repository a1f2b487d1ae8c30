"""The kinds of files of rows that are read and written, and their media types."""

KINDS = ("csv", "ndjson")
KIND_OF = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
