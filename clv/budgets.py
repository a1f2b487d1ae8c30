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
# In lists: summaries of a body, customers of a filter, names and exchange rates of a query.
MAX_ROWS = 1_000
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

# ---- A connection ----

# ---- Seats and temporary disk, by tenant ----
