"""`kb reindex` and the worker's updates really killed at every phase: what the next start finds works and equals the
database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from flask import Flask

from app.accounts.permissions import VISITOR
from app.articles import finding, indexing
from app.articles.models import ArticleText
from app.worker import run_once
from config import Settings
from tests.articles.makers import published
from tests.support.live import ROOT

# Where each dies: before the call, or after it.
POINTS = (
    ("knowledge_base.store:fields_of", "before"),
    ("whoosh.index:TOC.write", "before"),
    ("whoosh.index:TOC.write", "after"),
    ("knowledge_base.index:draw_snapshot", "before"),
    ("knowledge_base.arrayfile:write", "before"),
    ("knowledge_base.arrayfile:write", "after"),
    ("knowledge_base.index:write_state", "before"),
    ("knowledge_base.folder:os.replace", "before"),
    ("knowledge_base.index:write_state", "after"),
)

# Imports once, then forks a child for every point; each works on a data directory of its own.
DOOMED = """
import json, os, pkgutil, signal, sys
from app.factory import create_app
from app.worker import run_once
from config import Settings

def doom(name, when):
    module, _, path = name.partition(":")
    *owner, last = path.split(".")
    holder = pkgutil.resolve_name(":".join([module, ".".join(owner)]) if owner else module)
    original = getattr(holder, last)
    def call(*args, **kwargs):
        if when == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(holder, last, call)

for home, work, name, when in json.loads(sys.argv[1]):
    if not (child := os.fork()):
        app = create_app(Settings.from_env({**os.environ, "PORTAL_DATA_DIR": home}))
        doom(name, when)
        if work == "reindex":
            app.test_cli_runner().invoke(args=["kb", "reindex"])
        else:
            run_once(app)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_killed_at_every_phase(app: Flask, settings: Settings, tmp_path: Path) -> None:
    database = app.extensions["portal"].database
    with database.session(write=True) as session:
        first = published(session, "Anker heben").id
        published(session, "Bramble", lang="en")
        session.commit()
    run_once(app)
    with database.session(write=True) as session:
        new = published(session, "Anker werfen").id
        session.get_one(ArticleText, first).views = 7
        session.commit()
    database.dispose()
    cases = []
    for number, (name, when) in enumerate(POINTS):
        for work in ("reindex", "update"):
            home = tmp_path / f"{number}-{work}"
            shutil.copytree(settings.data_dir, home)
            cases.append((str(home), work, name, when))
    environ = {**os.environ, "PORTAL_SECRET_KEY": settings.secret_key}
    made = subprocess.run(
        [sys.executable, "-c", DOOMED, json.dumps(cases)],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert made.stdout.split() == [str(-signal.SIGKILL)] * len(cases)
    for case in cases:
        folder = Path(case[0]) / "search"
        index = indexing.Index(folder)
        before = index.generation
        with database.session(write=False) as session:
            found = finding.find(session, folder, VISITOR, "Anker", lang="de")
            assert not found.preparing, case
            assert first in {find.id for find in found.finds}, case
        indexing.ensure(database, folder)  # what every start does
        assert indexing.index_in(folder).keys() >= {first, new}, case
        with database.session(write=False) as session:
            assert indexing.index_in(folder).keys() == indexing.published_ids(session), case
            assert {f.id for f in finding.find(session, folder, VISITOR, "Anker", lang="de").finds} == {
                first,
                new,
            }, case
        assert indexing.index_in(folder).generation >= before, case
