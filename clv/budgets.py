"""How much a request, file, connection or tenant may take: the limits that no setting changes.

``docs/security.md`` has them in a table, with those that are settings (:mod:`clv.config`).
"""

# ---- A request ----
# A thousand rows with the longest names in escaped Unicode are 3.5 MB.
MAX_BODY_BYTES = 4 * 1024 * 1024
# And 12,000 values.
MAX_VALUES = 20_000
# Of a form. A file is no form: its request has the token in a header, and is read as a stream.
MAX_FORM_BYTES = 64 * 1024

# ---- An answer ----
# Errors that are shown, and the bytes that they take together. Whoever sent so much that is wrong
# needs no list of all of it.
MAX_ERRORS = 100
MAX_ERROR_BYTES = 65_536

# ---- A file ----
# The longest line that is read, in characters; usual ones have fewer than 200.
MAX_LINE = 1_048_576
# The longest cell of a column that is used. The longest of a spreadsheet has 32,767.
MAX_CELL = 32_768
# The longest cell that is cached, so that caches of a number of cells are bounded in bytes, too.
MAX_CACHED_CELL = 100
# More columns, and more fields of a JSON object, than any shop's export has. What looks for
# columns compares each with all others.
MAX_COLUMNS = 2_000
# Bad lines until reading stops: the default of a setting.
MAX_BAD_LINES = 100
# What the sheet of a workbook may take in memory, by an estimate that is mostly too high: some
# 500,000 cells. And the parts of a workbook that say nothing of cells; and its table of contents.
MAX_SHEET_BYTES = 48 * 1024 * 1024
MAX_OTHER_PART_BYTES = 4 * 1024 * 1024
MAX_DIRECTORY_BYTES = 1024 * 1024
# The processor time that reading a file may take: so much at least, and more by MiB. Real layouts
# take 0.05 to 0.3 s a MiB. What a gzip inflates to counts up to this multiple of what was sent:
# most inflate to 5 to 15 times their size, and cost the less for each of these bytes the more.
FILE_CPU_SECONDS = 1.0
FILE_CPU_SECONDS_A_MIB = 1.0
FILE_INFLATION = 10
# A gzip that inflates to more than this multiple of its size is made to, unless it is small.
MAX_INFLATION = 200
SMALL_INFLATED_BYTES = 64 * 1024 * 1024
# By the clock, a client's slow line and a busy machine included.
FILE_SECONDS = 900
FILE_SECONDS_A_MIB = 10

# ---- A connection ----

# ---- Seats and temporary disk, by tenant ----
# What is left free of the file system of temporary files: a tenth, or this.
DISK_RESERVE_SHARE = 0.1
DISK_RESERVE_BYTES = 256 * 1024 * 1024
# How many bytes are claimed before that file system is looked at again.
DISK_LOOK_BYTES = 16 * 1024 * 1024
# What a tenant may hold while nobody else holds anything, and beside others.
DISK_SHARE_ALONE = 0.75
DISK_SHARE_BESIDE_OTHERS = 0.5
