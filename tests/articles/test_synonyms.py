"""Synonyms and stop words kept by editors: rules, pages, and that every process follows them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.articles import synonyms
from app.articles.memory import Memory
from app.articles.models import SynonymGroup
from app.db import Database
from app.errors import NotVisible, Refused
from app.factory import create_app
from config import Settings
from tests.articles.makers import door, published
from tests.support.pages import Browser


@pytest.fixture
def centre(app: Flask, run_worker: Callable[[], int]) -> Flask:
    with app.extensions["portal"].database.session(write=True) as session:
        published(session, "Gutschrift anfordern", body="So erhalten Sie eine Gutschrift.")
        published(session, "Zugang sperren", body="So sperren Sie den Zugang.")
        session.commit()
    run_worker()
    return app


def found(browser: Browser, q: str, lang: str = "de") -> list[str]:
    answer: Any = browser.get("/api/v1/search", query_string={"q": q, "lang": lang}).get_json()
    return [hit["slug"] for hit in answer["results"]]


@pytest.mark.parametrize(
    "words",
    [(), ("Rechnung",), ("Rechnung", "Rechnungen"), ("Rechnung", "???"), ("Rechnung", "x" * 61)],
)
def test_what_is_refused(database: Database, words: tuple[str, ...]) -> None:
    with database.session(write=True) as session:
        with pytest.raises(Refused):
            synonyms.save(session, None, "de", words, door=door())
        with pytest.raises(Refused):
            synonyms.save(session, None, "de", [f"w{n}" for n in range(21)], door=door())
        with pytest.raises(NotVisible):
            synonyms.save(session, 99, "de", ("Rechnung", "Faktura"), door=door())
        with pytest.raises(Refused):
            synonyms.keep_stop_words(session, "de", ["zwei Wörter"], door=door())
        assert session.scalars(select(SynonymGroup)).all() == []


def test_the_same_object_until_something_changes(database: Database) -> None:
    memory = Memory()
    with database.session(write=True) as session:
        group = synonyms.save(session, None, "de", ("Rechnung", "Faktura"), door=door())
        session.commit()
        first = synonyms.kept(session, memory)
        assert synonyms.kept(session, memory) is first
        assert first.groups == {"de": [["Rechnung", "Faktura"]]}
        synonyms.keep_stop_words(session, "de", ["Portal", "Firma"], door=door())
        second = synonyms.kept(session, memory)
        assert second is not first
        assert second.stop_words == {"de": ["Firma", "Portal"]}
        synonyms.remove(session, group.id, door=door())
        assert synonyms.kept(session, memory).groups == {}


def test_every_process_follows_at_once(centre: Flask, settings: Settings, editor: Browser) -> None:
    """A second app stands for a second process: it has its own memory and sees only the database."""
    other = create_app(settings)
    other.test_client_class = Browser
    reader: Any = other.test_client()
    assert found(reader, "Storno") == []
    assert "gutschrift" not in reader.get("/de/suggest?q=Storno").text
    page = editor.visit("/admin/synonyms/new?lang=de&words=Storno")
    assert (page.one("textarea", name="words").text or "").strip() == "Storno"
    editor.send(page, "/admin/synonyms/new", words="Storno\nGutschrift")
    assert "gutschrift" in reader.get("/de/suggest?q=Storno").text
    assert found(reader, "Storno") == found(editor, "Storno") == ["gutschrift-anfordern"]
    with centre.extensions["portal"].database.session(write=True) as session:
        group = session.scalars(select(SynonymGroup)).one()
        synonyms.remove(session, group.id, door=door())
        session.commit()
    assert found(reader, "Storno") == []
    assert "gutschrift" not in reader.get("/de/suggest?q=Storno").text
    other.extensions["portal"].database.dispose()


def test_stop_words_count_little(centre: Flask, visitor: Browser) -> None:
    assert set(found(visitor, "Zugang Gutschrift")) == {"gutschrift-anfordern", "zugang-sperren"}
    first = found(visitor, "Zugang Gutschrift")[0]
    with centre.extensions["portal"].database.session(write=True) as session:
        synonyms.keep_stop_words(
            session, "de", ["Zugang" if first == "zugang-sperren" else "Gutschrift"], door=door()
        )
        session.commit()
    assert found(visitor, "Zugang Gutschrift")[0] != first


def test_pages(app: Flask, editor: Browser, agent: Browser, visitor: Browser) -> None:
    agent.visit("/admin/synonyms", status=403)
    assert visitor.get("/admin/synonyms").status_code in (302, 303)
    assert "No synonyms found" in editor.visit("/admin/synonyms?lang=de").text
    with app.extensions["portal"].database.session(write=True) as session:
        for number in range(30):
            synonyms.save(session, None, "de", (f"Wort {number}", f"Größe {number}"), door=door())
        session.commit()
        first = session.scalars(select(SynonymGroup.id).order_by(SynonymGroup.id)).first()
    page = editor.visit("/admin/synonyms?lang=de")
    assert len(page.all("a", lang="de")) == 25
    assert page.link("Next")
    assert len(editor.visit("/admin/synonyms?lang=de&q=größe+7").all("a", lang="de")) == 1
    page = editor.visit(f"/admin/synonyms/{first}")
    page = editor.send(page, "Save", words="Wort 0", status=422)
    assert "at least two different words" in page.summary
    page = editor.send(page, "Save", words="Wort 0; Begriff 0")
    assert "Wort 0 · Begriff 0" in page.text
    page = editor.send(page, "stop-words", words="zwei Wörter", status=422)
    assert "zwei Wörter" in page.summary
    page = editor.send(page, "stop-words", words="Firma")
    assert (page.one("textarea", name="words").text or "").strip() == "Firma"
    assert (
        "Wort 0 · Begriff 0"
        not in editor.send(editor.visit(f"/admin/synonyms/{first}"), f"{first}/deletion").text
    )
    editor.visit("/admin/synonyms/9999", status=404)
