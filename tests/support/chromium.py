"""The machine's Chromium, for the tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

# A wait for an event, on a machine that may be busy with other tests.
WAIT_MS = 120_000
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]


def executable() -> str:
    """Where it is; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        assert not os.environ.get("CI"), "in CI nothing is skipped"
        pytest.skip("there is no Chromium on this machine")
    return found


@contextmanager
def running() -> Iterator[Browser]:
    """A Chromium. Playwright bears one at a time in a thread: a test takes the fixture's."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        path = executable()
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, timeout=WAIT_MS)
        yield browser
        browser.close()
