"""Files that hold customers' data: only the service's own user may read them, whatever the umask.

A file that exists with a wider mode is tightened, and a line in the log says so. A file that a
command writes is complete or not there.
"""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from clv import logs
from clv.errors import Invalid

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS_MAY_WRITE = 0o022


def create(path: Path) -> BinaryIO:
    """A new file of this user alone, open for writing.

    :raises FileExistsError: when the path exists, even as a link to nothing
    """
    file = open(path, "xb", opener=partial(os.open, mode=FILE_MODE))
    # A umask may have taken away the user's own rights.
    os.fchmod(file.fileno(), FILE_MODE)
    return file


@contextmanager
def complete(path: Path) -> Iterator[BinaryIO]:
    """A file that takes this one's place when the block ends well; else nothing is left of it. A
    link stays, and what it leads to is replaced.

    :raises Invalid: when the path leads to something else than a file, or can't be written
    """
    try:
        # Before the links are followed: those of an open pipe lead nowhere.
        _check(path)
        target = path.resolve()
        if not target.parent.is_dir():
            raise Invalid(f"There is no folder {target.parent}.")
        with _beside(target) as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
            tighten(target)
            Path(output.name).replace(target)
        _sync(target.parent)
    except (OSError, RuntimeError) as error:
        # A loop of links is a RuntimeError in Python 3.12 and older.
        raise Invalid(_refusal(path, error)) from None


@contextmanager
def stream(path: Path) -> Iterator[BinaryIO]:
    """A pipe or a device, open for writing.

    :raises Invalid: when it can't be written
    """
    try:
        with path.open("wb") as output:
            yield output
    except OSError as error:
        raise Invalid(_refusal(path, error)) from None


def is_stream(path: Path) -> bool:
    """Whether the path leads to a pipe, a terminal or another device that takes a stream."""
    return path.is_fifo() or path.is_char_device()


def create_folder(path: Path) -> None:
    """Create a folder of this user alone, and the missing ones above it. One that exists keeps its
    mode, for it may be ``/tmp``; where others may replace files in it, the log says so."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE)
    mode = path.stat().st_mode
    if mode & _OTHERS_MAY_WRITE and not mode & stat.S_ISVTX:
        _log("folder.writable", path, mode)


def tighten(path: Path, mode: int = FILE_MODE) -> None:
    """Take the rights of others to a file or folder away, if it exists and they have any."""
    try:
        before = path.stat().st_mode
    except OSError:
        return
    if not before & 0o077:
        return
    try:
        path.chmod(mode)
        _log("file.tightened", path, before)
    except OSError:
        # It is another user's, or the disk is read-only.
        _log("file.readable", path, before)


def _check(path: Path) -> None:
    """
    :raises Invalid: when there is something else than a file
    """
    if path.is_dir():
        raise Invalid(f"{path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise Invalid(f"{path} is no file, but a pipe or a device: it can't be replaced.")


@contextmanager
def _beside(target: Path) -> Iterator[BinaryIO]:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    # Of a process with the same number that was killed.
    part.unlink(missing_ok=True)
    try:
        with create(part) as output:
            yield output
    finally:
        part.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Make a new name in a folder outlast a loss of power, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refusal(path: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else "a loop of links"
    return f"{path} can't be written: {reason}."


def _log(event: str, path: Path, mode: int) -> None:
    logs.event(event, logging.WARNING, path=str(path), mode=f"{stat.S_IMODE(mode):04o}")
