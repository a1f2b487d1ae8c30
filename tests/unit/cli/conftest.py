"""Commands, and files for them."""

import gzip

import pytest


@pytest.fixture
def run(app):
    """Run a command that succeeds."""

    def invoke(*args, stdin=None):
        done = app.test_cli_runner().invoke(args=args, input=stdin)
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    return invoke


@pytest.fixture
def refused(app):
    """Run a command that fails in a planned way; returns what it says."""

    def invoke(*args, stdin=None, code=1):
        done = app.test_cli_runner().invoke(args=args, input=stdin)
        assert isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.exit_code == code
        assert done.stdout == ""
        return done.stderr

    return invoke


@pytest.fixture
def log(tmp_path):
    """Write a file of transactions."""

    def write(*lines, header="customer_id,date,amount", name="log.csv"):
        path = tmp_path / name
        data = "".join(f"{line}\n" for line in (header, *lines)).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


@pytest.fixture
def purchases(cdnow, log):
    """The first 500 lines of the sample as a file."""
    return log(*(",".join(line) for line in cdnow[:500]))
