"""The condition that a customer's id contains a text, letters of either case.

It has no index: one pass over a million records takes 0.2 s. An index of the ids' parts would have
to be kept by each batch and each file, and no index finds two letters.
"""

import unicodedata

from clv import db

# What LIKE and GLOB read as a pattern. A backslash is LIKE's escape.
_WILDCARDS = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})
_GLOB_SIGNS = "*?["


def contains(column: str, text: str) -> tuple[str, list[str]]:
    """The condition that a column contains a text, and its parameters. Each character stands for
    itself; a letter also for its lower and its upper case, if that is a single character.

    :param text: as it is, or with its letters and accents composed (NFC), as ids from files are
    """
    forms = {text, unicodedata.normalize("NFC", text)}
    found = [_contains_form(column, form) for form in sorted(forms)]
    condition = " OR ".join(condition for condition, _ in found)
    return f"({condition})", [param for _, params in found for param in params]


def _contains_form(column: str, text: str) -> tuple[str, list[str]]:
    """Likewise, of this form alone. Both databases' LIKE knows the case of ASCII alone. Where the
    text has other letters, LIKE finds the ids that have the rest of the text around them, and the
    first of them in either case; for these few, a slower match decides."""
    letters = [one for one in text if not one.isascii() and len(_cases(one)) > 1]
    if not letters:
        return _like(column), [_part(text)]
    around = _part(text)
    for letter in letters:
        around = around.replace(letter, "_")
    first = _cases(letters[0])
    conditions, params = [f"({' OR '.join([_like(column)] * len(first))})"], [*map(_part, first)]
    if set(around) > {"%", "_"}:
        conditions, params = [_like(column), *conditions], [around, *params]
    # The order of plain conditions is PostgreSQL's choice.
    condition = f"CASE WHEN {' AND '.join(conditions)} THEN {column} {{}} %s ELSE FALSE END"
    if db.is_sqlite():
        return condition.format("GLOB"), [*params, f"*{_pattern(text)}*"]
    return condition.format("~"), [*params, _pattern(text)]


def _like(column: str) -> str:
    return f"{column} {'LIKE' if db.is_sqlite() else 'ILIKE'} %s ESCAPE '\\'"


def _part(text: str) -> str:
    return f"%{text.translate(_WILDCARDS)}%"


def _pattern(text: str) -> str:
    """The text as a pattern of GLOB, or as a regular expression of PostgreSQL."""
    return "".join(map(_any_case, text))


def _any_case(character: str) -> str:
    if len(cases := _cases(character)) > 1:
        return f"[{''.join(cases)}]"
    if db.is_sqlite():
        return f"[{character}]" if character in _GLOB_SIGNS else character
    return character if character.isalnum() or not character.isascii() else f"\\{character}"


def _cases(character: str) -> list[str]:
    """A letter in both cases, as far as these are single characters; else the character alone."""
    others = (character.lower(), character.upper())
    return sorted({character, *(one for one in others if len(one) == 1)})
