"""A data directory with the demo in it, loaded once and copied for each test that wants it."""

from __future__ import annotations

import shutil
from pathlib import Path

from app import demo
from app.factory import create_app
from app.worker import run_once
from config import Settings

SECRET = "a key that only tests use, long enough"


def make(folder: Path, migrated: Path) -> None:
    """The demo in a new data directory, its index built and its letters written."""
    folder.mkdir(mode=0o700, parents=True)
    shutil.copy(migrated, folder / "portal.db")
    app = create_app(Settings.from_env({"PORTAL_DATA_DIR": str(folder), "PORTAL_SECRET_KEY": SECRET}))
    demo.load(app)
    run_once(app)
    app.extensions["portal"].database.dispose()


def copy(kept: Path, folder: Path) -> Path:
    """A copy for one test."""
    return Path(shutil.copytree(kept, folder))
