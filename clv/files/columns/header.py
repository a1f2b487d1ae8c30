"""The names of a file's columns, and how a name is looked up among them."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from clv.errors import Invalid
from clv.files.choices import wrong_choice
from clv.files.names import shown

# The most names that a message lists.
MAX_NAMED = 40


@dataclass(frozen=True)
class Header:
    """The columns of a file, found by their names whatever the case and the space around them.

    ``Header(["Order ID", "email"]).first(("Email", "E-Mail"))`` is ``email``.
    """

    names: Sequence[str]
    _spellings: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spellings: dict[str, list[str]] = {}
        for name in self.names:
            spellings.setdefault(normal(name), []).append(name)
        object.__setattr__(self, "_spellings", spellings)

    def __contains__(self, name: str) -> bool:
        return normal(name) in self._spellings

    def first(self, names: Iterable[str]) -> str | None:
        """The header's spelling of the first of these names that it has."""
        return next(iter(self.all(names)), None)

    def all(self, names: Iterable[str]) -> tuple[str, ...]:
        """The header's spellings of those of these names that it has, each once.

        :raises Invalid: if one of them is the name of several columns
        """
        spellings = [self._spelling(name) for name in names if name in self]
        return tuple(dict.fromkeys(spellings))

    def chosen(self, parameter: str, name: str) -> str:
        """The header's spelling of a name that the caller gave.

        :raises Invalid: if the header does not have it, or several times
        """
        if self.names.count(name) == 1:
            return name
        if name not in self:
            raise wrong_choice(parameter, f'there is no column "{shown(name)}". {self.listed()}')
        return self._spelling(name)

    def listed(self) -> str:
        """A sentence that names the columns."""
        names = ", ".join(shown(name) for name in self.names[:MAX_NAMED])
        rest = len(self.names) - MAX_NAMED
        return f"The columns are: {names}" + (f", and {rest} more." if rest > 0 else ".")

    def _spelling(self, name: str) -> str:
        spellings = self._spellings[normal(name)]
        if len(spellings) > 1:
            raise Invalid(
                f'The header has {len(spellings)} columns "{shown(name)}":'
                " each column that is used must have a name of its own."
            )
        return spellings[0]


def normal(name: str) -> str:
    """A name as it is compared: in lower case, with single spaces, in NFC."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().strip("\ufeff").split())


def header_key(names: Iterable[str]) -> str:
    """What a mapping is remembered by: the same for the same names in whatever order."""
    text = "\n".join(sorted(map(normal, names)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
