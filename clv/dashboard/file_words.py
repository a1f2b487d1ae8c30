"""The words of the page Data: what can be chosen about a file, and what each choice means."""

_DATE_ORDERS = {
    "ymd": "Year, month, day: 2026-03-12",
    "dmy": "Day first: 03/04/2026 is 3 April",
    "mdy": "Month first: 03/04/2026 is 4 March",
}
_DECIMALS = {".": "Point: 1,234.50", ",": "Comma: 1.234,50"}
_DELIMITERS = {
    "comma": "Comma",
    "semicolon": "Semicolon",
    "tab": "Tab",
    "bar": "Vertical bar",
    "space": "Blanks",
}
_ORDER_LINES = {
    "sum": "Add up the lines of an order",
    "first": "Take the amount of an order once: each line repeats it, or only one has it",
}
_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": "Windows, Western Europe (1252)",
    "windows-1250": "Windows, Central Europe (1250)",
    "windows-1251": "Windows, Cyrillic (1251)",
    "iso-8859-1": "ISO 8859-1, Western Europe",
    "iso-8859-15": "ISO 8859-15, with the euro sign",
}
# Of the choices that have few.
VALUES = {
    "date_order": _DATE_ORDERS,
    "decimal": _DECIMALS,
    "delimiter": _DELIMITERS,
    "encoding": _ENCODINGS,
    "order_lines": _ORDER_LINES,
}
# Of all choices, and of the time of day, which is the second column of the time.
LABELS = {
    "profile": "Layout",
    "customer": "Customer",
    "time": "Date, or date and time",
    "clock": "Time of day, if in another column",
    "amount": "Amount",
    "refund": "Refunded amount",
    "quantity": "Quantity",
    "order": "Order number",
    "order_lines": "Several lines of one order",
    "currency": "Currency",
    "state": "State of the order",
    "keep_states": "States that count",
    "rates": "What one unit of another currency is worth, such as USD:0.92",
    "encoding": "Characters",
    "delimiter": "Between columns",
    "decimal": "Decimal sign",
    "date_order": "Dates",
    "time_zone": "Time zone of times without one",
    "header_line": "Line with the names of the columns",
}
# What it means that the file has no such column.
NO_COLUMN = {
    "quantity": "No, it is the amount of all pieces together",
    "order": "None: each line is an order of its own",
    "state": "None: all lines count",
}
# What a column is taken as, in a word or two.
USES = {
    "customer": "Customer",
    "time": "Date",
    "amount": "Amount",
    "refund": "Refund",
    "quantity": "Quantity",
    "order": "Order",
    "currency": "Currency",
    "state": "State",
}
# Offered where the file names no currency.
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD", "JPY", "INR", "BRL", "PLN", "SEK")
