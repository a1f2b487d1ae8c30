"""What the cells of a column look like: e-mail addresses, numbers, dates, ids, names of people.

The values themselves are parsed later, and strictly; here a column only has to look right.
"""

import re

from clv.files.cells.dates import MONTH_OF_NAME

# No form takes many more steps than a cell has characters: the first point that may be one between
# names is as good as any, and blanks are taken possessively.
EMAIL = re.compile(r"[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+")
# With a sign, a currency and separators of thousands on either side: "-1.234,50 €".
NUMBER = re.compile(
    r"[-−(+]?\s*+([^\W\d_]{1,3}\.?\s*+)?[$€£¥₹৳₽₺₩₪]?\s*+[-−]?\s*+\d[\d.,'’\s]*\D{0,6}"
)
MONTHS = "|".join(sorted(MONTH_OF_NAME, key=len, reverse=True))
WEEKDAY = r"([^\W\d_]{2,10}[.,]{0,2}\s)?"
DATE = re.compile(
    rf"""
    (19|20)\d\d[-/.]\d?\d[-/.]\d?\d(\D.*)?           # 2026-03-12, and a time of day
    | {WEEKDAY}\d?\d[-/.]\s?\d?\d[-/.]\s?(\d\d)?\d\d(\D.*)?   # 12.03.2026, 3/12/26
    | (19|20)\d\d(0[1-9]|1[0-2])[0-3]\d           # 20260312
    # Mar 12, 2026; 12-Mär-26; 12 de marzo de 2026
    | {WEEKDAY}(\d?\d(st|nd|rd|th|er)?[.\s/-]+)?(de\s)?({MONTHS})\.?[\s.,/-]+(de\s)?\d?\d.*
    | [12]\d{{9}}(\d{{3}}|\d{{6}})?(\.\d+)?       # seconds, milliseconds, microseconds since 1970
    | [2-5]\d{{4}}(\.\d+)?                        # the serial number of a spreadsheet
    """,
    re.VERBOSE | re.IGNORECASE,
)
# One that no number is: of those columns one can be taken whatever its name.
PLAIN_DATE = re.compile(
    r"\d{1,4}[-/.]\d?\d[-/.]\d{1,4}(\D.*)?|(?>.*?[a-z]{3}).*\d{2}.*", re.IGNORECASE
)
CLOCK = re.compile(r"\d?\d:\d\d(:\d\d(\.\d+)?)?(\s*[ap]\.?m\.?)?", re.IGNORECASE)
CURRENCY = re.compile(r"[A-Za-z]{3}|[$€£¥₹]")
# One word with a digit; and words without any.
ID = re.compile(r"(?=.*\d)[^\s@]+")
PERSON = re.compile(r"[^\W\d_]+[.,]?(\s[^\d@]*)?")
