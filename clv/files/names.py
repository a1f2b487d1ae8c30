"""The names of columns: how files and messages write them."""

import re

# The columns that this service reads unasked, whatever others there are.
PLAIN_COLUMNS = ("customer_id", "date", "amount")
# The longest name that a column may have, and that can be chosen. A longer one is mostly a quote
# that is not closed.
MAX_NAME_LENGTH = 500
# The most characters of a name in a message.
MAX_SHOWN = 60


def spellings(name: str) -> set[str]:
    """A name as it is, in camelCase and in snake_case."""
    first, *others = name.split("_")
    camel = first + "".join(other.title() for other in others)
    return {name, camel, re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)}


def shown(name: str) -> str:
    """The beginning of a name from a file, without characters that could not be seen."""
    return "".join(char if char.isprintable() else "?" for char in name[:MAX_SHOWN])
