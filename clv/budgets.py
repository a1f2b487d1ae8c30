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
# Of customers that are named in one request.
MAX_ERASED = 1_000

# ---- An answer ----
# Errors that are shown, and the bytes that they take together. Whoever sent so much that is wrong
# needs no list of all of it.
MAX_ERRORS = 100
MAX_ERROR_BYTES = 65_536

# ---- A file ----

# ---- A connection ----

# ---- Seats and temporary disk, by tenant ----
