"""The units of all arithmetic, and the factors between them.

Amounts are integers of 1/10,000 of the tenant's currency. Times are integers of milliseconds since
1970-01-01 UTC, days are integers since 1970-01-01 in a time zone (:mod:`clv.domain.time_zone`).
"""

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
# Of a day in UTC; in other zones one may have 23 or 25 hours.
DAY_MS = 86_400_000
# Four decimals: two more than cents, for prices of fractions of a cent.
AMOUNT_SCALE = 10_000
# The mean month of the Julian year has 365.25 / 12 = 30.4375 days. A float64 holds it exactly; the
# fraction is for arithmetic in integers.
MONTH_DAYS = 30.4375
MONTH_DAYS_NUMERATOR, MONTH_DAYS_DENOMINATOR = 304_375, 10_000
# The largest value of a BIGINT column.
MAX_STORED_INTEGER = 2**63 - 1
