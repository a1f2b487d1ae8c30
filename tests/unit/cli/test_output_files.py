"""The files of ``flask backup`` and ``flask export``: complete or not there, through links, and
never in place of what is no file."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from clv.config import ROOT, Settings
from tests.api.support import insert_records, numbered_records
from tests.conftest import ON_ONE_DATABASE, environment

pytestmark = ON_ONE_DATABASE
COMMANDS = {"backup": ("backup",), "export": ("export", "--tenant", "acme")}
COMMAND = pytest.mark.parametrize("command", COMMANDS)
# More than fits into a page of the disk, and less than the database.
FEW_BYTES = 64 * 1024


@pytest.fixture
def shop(app, tenant, settings) -> Settings:
    """Settings of a database with records to export."""
    insert_records(numbered_records(3_000))
    return settings


@pytest.fixture
def said(shop):
    """Run a command in a process of its own, which fails with one line."""

    def invoke(command: str, file: object, **options) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flask", *COMMANDS[command], str(file)],
            cwd=ROOT,
            env=environment(shop),
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )
        assert done.returncode == 1, (done.stdout[:500], done.stderr)
        [line] = done.stderr.splitlines()
        assert line.startswith("Error: ") and str(Path(file).parent) in line
        return line

    return invoke


@COMMAND
def test_a_link_stays_and_what_it_leads_to_is_written(command, shop, run, tmp_path):
    for name, before in (("there", "older"), ("missing", None)):
        target, link = tmp_path / name, tmp_path / f"to-{name}"
        if before:
            target.write_text(before)
        link.symlink_to(target)
        run(*COMMANDS[command], str(link))
        assert link.is_symlink() and target.stat().st_size > FEW_BYTES
        assert target.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 4


@COMMAND
def test_what_can_not_be_a_file_is_refused_with_a_line_and_left_as_it_is(command, said, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "is a folder" in said(command, tmp_path / "folder")
    assert "There is no folder" in said(command, tmp_path / "none" / "file")
    assert "a loop of links" in said(command, tmp_path / "loop")
    assert "can't be written" in said(command, "/proc/file")
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "loop"}


def test_a_backup_replaces_neither_a_pipe_nor_a_device(said, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/full", "/dev/null", "/dev/stdout"):
        assert "no file, but a pipe or a device" in said("backup", place)
    assert (tmp_path / "pipe").is_fifo() and Path("/dev/null").is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_export_into_a_device_is_a_stream(shop, said):
    assert "No space left on device" in said("export", "/dev/full")
    command = [sys.executable, "-m", "flask", *COMMANDS["export"], "/dev/stdout"]
    done = subprocess.run(command, cwd=ROOT, env=environment(shop), capture_output=True)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 3_001
    assert Path("/dev/stdout").is_symlink()


def test_an_export_to_a_standard_output_that_is_full_is_one_line(shop):
    command = [sys.executable, "-m", "flask", *COMMANDS["export"]]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(shop), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "Error: Standard output can't be written: No space left on device.\n"


@COMMAND
def test_a_disk_that_becomes_full_leaves_nothing_behind(command, said, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FEW_BYTES}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        (disk / "file").write_text("the last one")
        assert "No space left on device" in said(command, disk / "file")
        assert [(path.name, path.read_text()) for path in disk.iterdir()] == [
            ("file", "the last one")
        ]
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_backup_that_grows_beyond_what_its_user_may_write_leaves_nothing(said, tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FEW_BYTES, FEW_BYTES))

    assert "Input/output error" in said("backup", tmp_path / "file", preexec_fn=limit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_without_permission_is_refused_with_a_line(app, tmp_path):
    # Of our own functions alone: the project may lie where another user must not look.
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from clv import private_files\n"
        "from clv.errors import Invalid\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    with private_files.complete(Path(sys.argv[1])) as output: output.write(b'x')\n"
        "except Invalid as error: print(error.message)\n"
    )
    tmp_path.chmod(0o755)
    place = tmp_path / "private" / "file"
    place.parent.mkdir(mode=0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)], cwd=ROOT, capture_output=True, text=True
    )
    assert "Permission denied" in done.stdout, done.stderr
    assert list(place.parent.iterdir()) == []
