"""Rows with a cell that is longer than any that means something: bad lines."""

from collections.abc import Iterator, Sequence

from clv.budgets import MAX_CELL
from clv.files.blocks import Block
from clv.files.names import shown
from clv.files.tables.selection import BadRow


def without_long_cells(
    parts: Iterator[Block | BadRow], names: Sequence[str]
) -> Iterator[Block | BadRow]:
    """The parts of a file, but each row with a long cell is a bad one.

    :param names: of the columns in a block, which are those that are used
    """
    for part in parts:
        if isinstance(part, Block) and max(max(map(len, cells)) for cells in part.cells) > MAX_CELL:
            yield from _parted(part, names)
        else:
            yield part


def _parted(block: Block, names: Sequence[str]) -> Iterator[Block | BadRow]:
    for row in block.parts(1):
        cells = [cell for (cell,) in row.cells]
        length, name = max(zip(map(len, cells), names, strict=True))
        if length <= MAX_CELL:
            yield row
            continue
        wrong = (
            f"The cell of the column '{shown(name)}' has {length:,} characters; at most"
            f" {MAX_CELL:,} can be read."
        )
        yield BadRow(row.lines[0], wrong, [cell[:MAX_CELL] for cell in cells])
