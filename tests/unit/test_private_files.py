"""What holds customers' data is for the service's own user alone, whatever the umask."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clv import db, private_files
from clv.config import Settings
from tests.api.support import insert_records, numbered_records
from tests.conftest import ON_ONE_DATABASE

UMASKS = (0o000, 0o022, 0o077, 0o777)


@pytest.fixture(params=UMASKS, ids=oct)
def umask(request) -> Iterator[int]:
    """A umask that the test runs under."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def logged(caplog):
    """Reads the event, the file's name and its former mode of each line about a file."""

    def read() -> list[tuple[str, str, str]]:
        ours = [r for r in caplog.records if r.name == "clv" and "path" in r.fields]
        return [(r.msg, Path(r.fields["path"]).name, r.fields["mode"]) for r in ours]

    return read


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def migrated(place: Path) -> None:
    """A database at this place that has been written to; its connection stays open."""
    db.configure(Settings(database_url=f"sqlite:///{place}"))
    db.migrate()
    db.execute("DELETE FROM secret")


def test_a_database_its_log_and_its_folder_are_private(umask, tmp_path):
    place = tmp_path / "above" / "folder" / "clv.db"
    migrated(place)
    names = {file.name: mode(file) for file in place.parent.iterdir()}
    assert names == {"clv.db": 0o600, "clv.db-wal": 0o600, "clv.db-shm": 0o600}
    assert mode(place.parent) == mode(place.parent.parent) == 0o700
    db.database.close_all()


def test_an_older_database_is_tightened_and_the_log_says_so(tmp_path, logged):
    place = tmp_path / "clv.db"
    with closing(sqlite3.connect(place)) as older:
        older.execute("PRAGMA journal_mode = wal")
        older.execute("CREATE TABLE older (id)")
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        assert len(list(tmp_path.iterdir())) == 3
        migrated(place)
        assert {mode(file) for file in tmp_path.iterdir()} == {0o600}
        db.database.close_all()
    tightened = [("file.tightened", f"clv.db{suffix}", "0644") for suffix in ("", "-wal", "-shm")]
    assert logged() == tightened
    migrated(place)
    db.database.close_all()
    assert logged() == tightened, "once"


def test_a_folder_that_exists_keeps_its_mode_and_one_open_to_others_is_logged(tmp_path, logged):
    for wide, lines in ((0o755, 0), (0o1777, 0), (0o777, 1)):
        folder = tmp_path / f"{wide:o}"
        folder.mkdir()
        folder.chmod(wide)
        private_files.create_folder(folder)
        assert folder.stat().st_mode & 0o7777 == wide
        assert len(logged()) == lines
    assert logged() == [("folder.writable", "777", "0777")]


def test_a_file_that_is_there_already_is_not_taken_for_a_new_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for taken in (tmp_path, tmp_path / "link"):
        with pytest.raises(FileExistsError):
            private_files.create(taken)
    assert not (tmp_path / "nothing").exists()


@ON_ONE_DATABASE
def test_backups_and_exports_are_private(umask, app, tenant, tmp_path, logged):
    insert_records(numbered_records(3))
    backup, export = tmp_path / "backup.db", tmp_path / "records.csv"
    commands = (["backup", str(backup)], ["export", str(export), "--tenant", "acme"])
    for before in (None, 0o644):
        for command in commands:
            if before:
                Path(command[1]).chmod(before)
            done = app.test_cli_runner().invoke(args=command)
            assert done.exit_code == 0, done.output
            assert mode(Path(command[1])) == 0o600
    assert sorted(tmp_path.iterdir()) == [backup, export]
    assert [name for event, name, _ in logged() if event == "file.tightened"] == [
        "backup.db",
        "records.csv",
    ]
