"""The text of a file, whatever its encoding, in blocks of whole lines.

What can't be decoded is no reason to stop: it becomes a lone surrogate, which no encoding has, and
:func:`fault` says what is wrong with the line.
"""

import codecs
import io
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from clv.budgets import MAX_LINE
from clv.files.blocks import BLOCK_SIZE, lines, whole_lines
from clv.files.choices import wrong_choice
from clv.files.names import shown

# The first block is longer: delimiter and header are found in it.
HEAD_SIZE = 2 * BLOCK_SIZE
# Byte order marks, and the encodings that they stand for. The longer of two that begin alike first.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WINDOWS = "windows-1252"
# An undecodable byte becomes one of the 256 surrogates from here; for UTF-8 Python does the same.
_BYTE = 0xDC00
# Stands for a line that is too long, in any encoding.
_TOO_LONG = "\0too long\0"
# Stands in front of a line of UTF-8 in a Windows-1252 file.
_UTF_8 = "\ud800"
_FAULT = re.compile("[\0\ud800-\udfff]")
# How many bytes the likely encoding is judged by.
_MAX_JUDGED = 16_384


class Decoder:
    """Decodes a file: as its byte order mark says, as declared, as UTF-8, or as Windows-1252.

    :param head: the first bytes of the file
    :param declared: the name of an encoding; None if it is to be found out
    :raises Invalid: if the declared encoding is unknown
    """

    def __init__(self, head: bytes, declared: str | None = None) -> None:
        marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
        self._codec = marked or (_codec(declared) if declared else None)
        # Whether the rest is Windows-1252; None while there was nothing but ASCII.
        self._is_windows = None if self._codec is None else False
        self.warnings: list[tuple[str, str]] = []

    @property
    def encoding(self) -> str:
        """The encoding as far as it is known."""
        if self._is_windows:
            return WINDOWS
        return codecs.lookup(self._codec or "utf-8").name.removesuffix("-sig")

    def blocks(self, stream: io.BufferedReader, partial: bool = False) -> Iterator[str]:
        """The text of a stream in blocks of whole lines.

        :param partial: a last line without an end is left out: it may end within a character
        """
        codecs.register_error("clv.surrogates", _surrogates)
        codec = self._codec or "utf-8"
        errors = "surrogateescape" if codec.startswith("utf-8") else "clv.surrogates"
        text = io.TextIOWrapper(stream, codec, errors, newline="")
        try:
            size = HEAD_SIZE
            while block := read_block(text, size):
                block = block.removeprefix("\ufeff") if size == HEAD_SIZE else block
                block = block[: whole_lines(block)] if partial else block
                yield block if self._codec or block.isascii() else self._guessed(block)
                size = BLOCK_SIZE
        finally:
            # Closing the wrapper would close the stream below it. That may be closed already when
            # nobody reads on and the garbage collector ends this.
            if not stream.closed:
                text.detach()

    def _guessed(self, block: str) -> str:
        data = block.encode("utf-8", "surrogateescape")
        # A surrogate stands for one byte, any other character beyond ASCII for several.
        has_utf_8 = len(data) != len(block)
        if self._is_windows is None:
            self._is_windows = not has_utf_8
            if self._is_windows:
                self._warn(data)
        if not self._is_windows:
            return block
        if not has_utf_8:
            return _windows(block)
        return "".join(map(_windows_or_marked, lines(block)))

    def _warn(self, data: bytes) -> None:
        message = "The file is not UTF-8; it is read as Windows-1252."
        judged = b"\n".join(line for line in data.splitlines() if not line.isascii())
        likely = from_bytes(judged[:_MAX_JUDGED]).best()
        if likely and str(likely) != judged[:_MAX_JUDGED].decode(WINDOWS, "replace"):
            message += f" If names look wrong, it may be {likely.encoding}."
        self.warnings.append(("encoding", message))


def read_block(text: io.TextIOBase, size: int) -> str:
    """At least so many characters, in whole lines; fewer at the end, and "" behind it.

    A line of more than 1 MiB is replaced by one that :func:`fault` refuses.
    """
    block = text.read(size)
    rest = text.readline(MAX_LINE)
    if len(rest) < MAX_LINE or rest[-1] in "\r\n":
        return block + rest
    while len(rest) == MAX_LINE and rest[-1] not in "\r\n":
        rest = text.readline(MAX_LINE)
    return f"{block[: whole_lines(block)]}{_TOO_LONG}\n"


def is_clean(text: str) -> bool:
    """Whether :func:`fault` has nothing to say about a text; this is much faster."""
    if "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def fault(text: str, encoding: str = "utf-8") -> str:
    """What is wrong with the characters of a line; "" if nothing is."""
    wrong = _FAULT.search(text)
    if not wrong:
        return ""
    if _TOO_LONG in text:
        return "The line has more than 1,048,576 characters."
    if wrong[0] == "\0":
        return "The line has a NUL character."
    if wrong[0] == _UTF_8:
        return "The line is UTF-8, but lines before it are not: the file mixes encodings."
    names = "neither UTF-8 nor Windows-1252" if encoding == WINDOWS else f"not {encoding.upper()}"
    return f"The line has the byte 0x{ord(wrong[0]) & 0xFF:02X}, which is {names}."


def _codec(name: str) -> str:
    try:
        # Other codecs than those of texts are refused here.
        io.TextIOWrapper(io.BytesIO(), name).read()
        codec = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError):
        raise wrong_choice(
            "encoding",
            f"there is no {shown(name)!r}; such names are utf-8, utf-16-le, windows-1252.",
        ) from None
    return codec


def _surrogates(error: UnicodeError) -> tuple[str, int]:
    """An error handler that keeps every byte; ``surrogateescape`` refuses those of ASCII."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_BYTE + byte) for byte in wrong), error.end


def _windows_or_marked(line: str) -> str:
    data = line.encode("utf-8", "surrogateescape")
    return _windows(line) if len(data) == len(line) else _UTF_8 + line


def _windows(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode(WINDOWS, "clv.surrogates")
