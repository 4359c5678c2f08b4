"""The Chromium of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "No Chromium found: run apt-get install -y chromium, or set CHROMIUM to its path"
FLAGS = (
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
)


def found() -> str | None:
    """The path of Chromium, if there is one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def opened() -> Iterator[Any]:
    """A running Chromium. Skips without one, or fails where `REQUIRE_BROWSER` is set."""
    path = found()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # patience for a busy machine; nothing is timed
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()
