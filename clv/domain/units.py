"""The units that all arithmetic is in: integers of 1/10,000, milliseconds, days, months."""

DAY_MS = 86_400_000
AMOUNT_SCALE = 10_000
# Mean length of a month of the Julian year, 365.25 / 12 days, as a fraction of integers.
MONTH_DAYS_NUMERATOR, MONTH_DAYS_DENOMINATOR = 304_375, 10_000
MAX_STORED_INTEGER = 2**63 - 1
