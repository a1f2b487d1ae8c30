"""The kinds of files of rows that are read and written, and their media types."""

# What is written. Workbooks are only read.
KINDS = ("csv", "ndjson")
CSV = "text/csv"
NDJSON = "application/x-ndjson"
KIND_OF = {CSV: "csv", NDJSON: "ndjson"}
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What is read as transactions. Between csv and xlsx the content decides.
KIND_OF_TRANSACTIONS = {**KIND_OF, WORKBOOK: "xlsx"}
