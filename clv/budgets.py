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
# In lists: summaries of a body, customers to erase and of a filter, names and exchange rates of a
# query.
MAX_ROWS = 1_000
MAX_ERASED = 1_000
MAX_CUSTOMERS = 100
MAX_NAMES = 20
MAX_RATES = 20
# Of a head, as much as routers and proxies allow. The longest path takes 1.5 KB (128 characters of
# 12 bytes each when escaped); a list's filters may name some hundred customers.
MAX_REQUEST_LINE_BYTES = 8_190
# Proxies add a dozen headers to a client's dozen.
MAX_HEADERS = 64
# A key takes 60 bytes, but cookies of other applications on the host may be sent too.
MAX_HEADER_BYTES = 8_190

# ---- An answer ----
# Of the revenue: three years of days.
MAX_PERIODS = 1_100
# Errors that are shown, and the bytes that they take together. Whoever sent so much that is wrong
# needs no list of all of it.
MAX_ERRORS = 100
MAX_ERROR_BYTES = 65_536
# Characters of each name and text in them, for both may be the caller's.
MAX_TEXT = 300

# ---- A key ----
# Whoever signs in after so many ends the oldest.
MAX_SESSIONS = 100

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
# Of a web process. Each takes a file descriptor; a process often has 1,024.
MAX_CONNECTIONS = 800
# Requests and responses of a web process that wait in temporary files, a descriptor each.
MAX_SPOOLED = 150
# One address holds at most a quarter of the connections.
ADDRESS_SHARE = 0.25
# Slow requests give places up when those of a tenant hold more than half of the connections, or
# those of all tenants more than this: the rest is for whoever comes.
SLOW_SHARE = 0.75
# A head must be complete after this time: it fits into a packet or a few.
HEAD_SECONDS = 10.0
# No more of a head is collected: the parser refuses a longer one, or finds the body in it.
MAX_HEAD_BYTES = 65_536
# So long a small body is waited for before a thread looks at the request.
SMALL_BODY_SECONDS = 2.0
# How long a client has to read the response and close its end; else the last bytes can be lost.
CLOSING_SECONDS = 2.0
# How long a client may stop sending its body, or taking its response, and the rate at which its
# bytes earn more time. Slower than a modem of 1998 is an attack.
PATIENCE_SECONDS = 15.0
LEAST_BYTES_PER_SECOND = 8_192
# What is received and has yet to be sent is kept in memory up to this size, then on disk.
MAX_IN_MEMORY = 65_536
# Sizes and ends of a body's chunks may take a quarter of its data, and this: each costs time.
MAX_FRAMING_BYTES = 262_144

# ---- Seats and temporary disk, by tenant ----
# Requests of a tenant or an address that wait for a thread of a web process. They may all be served
# within a second or two; more of them would wait longer than their clients do.
MAX_WAITING = 200
# How long a request waits for a seat that is soon free, or whose file has already been received.
SEAT_SECONDS = 10.0
# What is left free of the file system of temporary files: a tenth, or this.
DISK_RESERVE_SHARE = 0.1
DISK_RESERVE_BYTES = 256 * 1024 * 1024
# How many bytes are claimed before that file system is looked at again.
DISK_LOOK_BYTES = 16 * 1024 * 1024
# What a tenant may hold while nobody else holds anything, and beside others.
DISK_SHARE_ALONE = 0.75
DISK_SHARE_BESIDE_OTHERS = 0.5
