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

# ---- A connection ----

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
