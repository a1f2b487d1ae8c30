"""What a file is, by its first bytes, if it is no text."""

from clv.errors import Invalid

ZIP_MAGIC = b"PK\x03\x04"
# Longer than what any kind of file begins with.
SIGNATURE_SIZE = 4_096
_ADVICE = "Send a CSV file or an .xlsx workbook."
_WIDE_ENCODINGS = ("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")
_SIGNATURES = {
    b"%PDF": "a PDF",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a workbook of the old .xls kind, or an encrypted one;"
    " save it as .xlsx, without a password",
    b"\x1f\x8b": "gzipped twice; unpack it once",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"BZh": "compressed by bzip2; the only compression that is read is gzip",
    b"\xfd7zXZ": "compressed by xz; the only compression that is read is gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; the only compression that is read is gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; send the file that is in it",
    b"Rar!": "a rar archive; send the file that is in it",
    b"PAR1": "in the Parquet format",
    b"SQLite format 3\0": "an SQLite database",
    b"{\\rtf": "an RTF document",
}
# Control characters that no text has; NUL is looked for apart.
_CONTROLS = bytes([*range(1, 9), *range(14, 26), 0x7F])
_MARKUP = {
    b"<!doctype html": "a web page (HTML)",
    b"<html": "a web page (HTML)",
    b"<table": "a table of a web page (HTML)",
    b"<?xml": "XML",
}


def check_is_text(head: bytes, encoding: str | None = None) -> None:
    """Check that a file may be text.

    :param encoding: in which it is said to be
    :raises Invalid: that says what it is instead
    """
    if not head.strip():
        raise Invalid("The file is empty.")
    beginning = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kinds = [kind for magic, kind in _SIGNATURES.items() if head.startswith(magic)]
    kinds += [kind for magic, kind in _MARKUP.items() if beginning.startswith(magic)]
    if beginning[:1] == b"{" or beginning[:2] in (b"[{", b"[\n"):
        kinds.append("JSON")
    if kinds:
        raise Invalid(f"The file is {kinds[0]}. {_ADVICE}")
    may_have_nul = (encoding or "").lower().startswith(_WIDE_ENCODINGS)
    if not may_have_nul and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        _check_has_no_nul(head)


def _check_has_no_nul(head: bytes) -> None:
    """In UTF-16 every other byte of a Latin text is 0."""
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[start::2].count(0), head[1 - start :: 2].count(0)
        if zeros * 4 > len(head) and others * 20 < len(head):
            raise Invalid(
                "The file seems to be UTF-16 without a byte order mark."
                f" Say so with encoding={encoding}, or save it as UTF-8."
            )
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if head.count(0) * 10 > len(head) or controls * 20 > len(head):
        raise Invalid(f"The file is no text. {_ADVICE}")
