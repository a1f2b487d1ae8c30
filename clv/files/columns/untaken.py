"""The columns of an unknown layout that nothing is known of yet, and what there is to ask."""

import re

from clv.files.choices import Question
from clv.files.columns import column_names as called
from clv.files.columns.head import Head
from clv.files.names import shown


class Columns:
    """Columns are taken one after the other, each once; meanwhile questions are collected."""

    def __init__(self, head: Head) -> None:
        self.head = head
        names = head.header.names
        unique = [name for name in names if name and names.count(name) == 1]
        self.left = [name for name in unique if not head.is_empty(name)]
        # Without a cell in the first rows.
        self.empty = [name for name in unique if head.is_empty(name)]
        self.questions: list[Question] = []

    def of(self, pattern: re.Pattern[str], names: list[str] | None = None) -> list[str]:
        """Those columns whose cells have this form; at least one is filled."""
        return [
            name for name in (self.left if names is None else names) if self.head.has(name, pattern)
        ]

    def named(self, groups: called.Groups, pattern: re.Pattern[str] | None = None) -> list[str]:
        """The columns with these names, whose cells may have this form."""
        return [
            name
            for name in self.left
            if called.group(name, groups) is not None
            and (pattern is None or self.head.may_be(name, pattern))
        ]

    def filled(self, names: list[str]) -> list[str]:
        """Those of the columns that all of the first rows have."""
        return [name for name in names if len(self.head.cells(name)) == len(self.head.rows)]

    def take(self, name: str) -> str:
        """Take a column: it means nothing else."""
        (self.left if name in self.left else self.empty).remove(name)
        return name

    def one(
        self,
        groups: called.Groups,
        pattern: re.Pattern[str] | None = None,
        parameter: str | None = None,
    ) -> str | None:
        """Take the column of the first group that has one; if it has several, ask, or take none."""
        for names in groups:
            columns = self.named((names,), pattern)
            if len(columns) == 1:
                return self.take(columns[0])
            if columns:
                if parameter:
                    self.ask(parameter, [*columns, ""], f"Several columns may be the {parameter}")
                return None
        return None

    def empty_one(self, groups: called.Groups) -> str | None:
        """Take the only column with these names that has no cell in the first rows: further ones
        may have it."""
        columns = [name for name in self.empty if called.group(name, groups) is not None]
        return self.take(columns[0]) if len(columns) == 1 else None

    def best(self, parameter: str, tiers: list[list[str]], meaning: str) -> str | None:
        """Take the only column of the first tier that has any; if it has several, ask."""
        for columns in tiers:
            if len(columns) == 1:
                return self.take(columns[0])
            if columns:
                self.ask(parameter, columns, f"Several columns may be the {meaning}")
                return None
        return None

    def ask(self, parameter: str, columns: list[str], message: str) -> None:
        """Ask which of these columns it is."""
        listed = ", ".join(shown(name) for name in columns if name)
        self.questions.append(Question(parameter, tuple(columns), f"{message}: {listed}."))
