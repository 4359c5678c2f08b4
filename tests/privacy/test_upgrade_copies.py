"""Copies kept by an upgrade are a store too: found, and gone with whoever is erased."""

from __future__ import annotations

from pathlib import Path

from app import schema
from app.db import Database
from app.privacy.sinks import Subject, UpgradeCopySink
from tests import factories


def test_a_copy_is_found_and_ends_with_an_erasure(tmp_path: Path, migrated_file: Path) -> None:
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    (tmp_path / "portal.db").write_bytes(migrated_file.read_bytes())
    database = Database(url)
    with database.session(write=True) as session:
        person_id = factories.person(session, name="Zelda Quittenbaum").id
        session.commit()
    database.dispose()
    copy = schema.keep_copy(url, tmp_path / "backups")
    assert copy is not None
    sink, subject = UpgradeCopySink(tmp_path / "backups"), Subject(("Zelda Quittenbaum",), person_id)
    assert sink.owns(copy)
    assert [finding.place for finding in sink.find(subject)] == [copy.name]
    assert sink.find(Subject(("Somebody Else",))) == []
    assert sink.erase(subject) == 1
    assert sink.erase(subject) == 0
    assert sink.verify(subject) == []
