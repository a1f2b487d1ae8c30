"""Workbooks as Excel writes them, as far as a reader looks at them."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from html import escape
from itertools import count

_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DATE, _TIME = 1, 2


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    """An ``.xlsx`` of these sheets; None is a cell that is not there."""
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/></Types>',
        "_rels/.rels": _relationships([(1, "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
        + "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relationships(
            [(n, "worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
            + [(len(sheets) + 1, "styles", "styles.xml")]
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        **{f"xl/worksheets/sheet{n}.xml": _sheet(sheets[n - 1]) for n in numbers},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _relationships(relations: list[tuple[int, str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for n, kind, target in relations
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _sheet(rows: Sequence[Sequence[object]]) -> str:
    texts = "".join(map(_row, rows, count(1)))
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{texts}</sheetData></worksheet>'


def _row(row: Sequence[object], number: int) -> str:
    cells = "".join(_cell(value, _place(number, column)) for column, value in enumerate(row))
    return f'<row r="{number}">{cells}</row>'


def _place(row: int, column: int) -> str:
    first, second = divmod(column, 26)
    return (chr(64 + first) if first else "") + chr(65 + second) + str(row)


def _cell(value: object, place: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if isinstance(value, datetime):
        passed = value - datetime(1899, 12, 30)
        style = _TIME if passed.seconds else _DATE
        return f'<c r="{place}" s="{style}"><v>{passed.days + passed.seconds / 86_400!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
