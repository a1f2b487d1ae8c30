"""Files that hold customers' data: only the service's own user may read them, whatever the umask.

A file that exists with a wider mode is tightened, and a line in the log says so.
"""

import logging
import os
import stat
from pathlib import Path
from typing import BinaryIO

from clv import logs

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS_MAY_WRITE = 0o022


def create(path: Path) -> BinaryIO:
    """A new file of this user alone, open for writing.

    :raises FileExistsError: when the path exists, even as a link to nothing
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    # A umask may have taken away the user's own rights.
    os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "wb")


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


def _log(event: str, path: Path, mode: int) -> None:
    logs.event(event, logging.WARNING, path=str(path), mode=f"{stat.S_IMODE(mode):04o}")
