"""What is said about a cell that can't be read."""

_MAX_SHOWN = 40


class BadValue(ValueError):
    """A cell that can't be read: ``Must be an amount such as 1234.50: '12,34.50'.``

    :param rule: what would be right, the same for all cells that break it
    :param cell: as in the file
    """

    def __init__(self, rule: str, cell: str) -> None:
        super().__init__(f"{rule}: {_shown(cell)}.")
        self.rule = rule
        self.cell = cell


def _shown(cell: str) -> str:
    if not cell.strip():
        return "it is empty"
    return repr(cell if len(cell) <= _MAX_SHOWN else f"{cell[:_MAX_SHOWN]}…")
