"""Invented articles and an index of them, for every test of the search library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from knowledge_base.document import Document, Results, Section
from knowledge_base.index import Index
from knowledge_base.search import search

PUBLIC = frozenset({"public"})

Article = Callable[..., Document]
Find = Callable[..., Results]


def _article(key: int, title: str, *bodies: str, lang: str = "de", **other: object) -> Document:
    sections = tuple(Section(f"s{number}", "", body) for number, body in enumerate(bodies))
    values = {
        "summary": "",
        "keywords": (),
        "category": "",
        "audiences": PUBLIC,
        "updated_at": 0,
        "sections": sections,
        **other,
    }
    return Document(key=key, lang=lang, slug=f"a-{key}", title=title, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def article() -> Article:
    """article(key, title, body, ..., lang="de", category=..., audiences=...)"""
    return _article


@pytest.fixture(scope="session")
def find() -> Find:
    """find(index, text, lang="de", ...) as the public sees it."""

    def find(index: Index, text: str, lang: str = "de", **other: object) -> Results:
        return search(index, text, **{"lang": lang, "audiences": PUBLIC, **other})  # type: ignore[arg-type]

    return find


GERMAN = [
    (
        "Rechnungsadresse ändern",
        "Öffnen Sie Ihr Kundenkonto. Tragen Sie die neue Anschrift ein und speichern Sie.",
    ),
    ("Passwort vergessen", "Fordern Sie einen Link an. Mit ihm legen Sie ein neues Kennwort fest."),
    ("Vertrag kündigen", "Die Kündigung ist zum Monatsende möglich. Eine Bestätigung folgt per Post."),
    ("Sammelrechnungen für Firmen", "Firmen erhalten alle Beträge eines Monats auf einem Blatt."),
    (
        "Häufige Fehler beim Drucken",
        "Der Code ERR-4711 bedeutet, dass das Papier fehlt. Prüfen Sie das Fach.",
    ),
    ("Tastenkombinationen", "Mit der Umschalttaste und einem Buchstaben geht vieles schneller."),
    ("Newsletter abbestellen", "Schreiben Sie an abmelden@beispiel.example oder nutzen Sie den Link im Fuß."),
    ("Größe der Anhänge", "Eine Datei darf höchstens 25 MB groß sein. Bilder werden verkleinert."),
    ("Überschuss auszahlen lassen", "Guthaben überweisen wir auf Ihr Bankkonto."),
    ("Störung melden", "Fällt der Anschluss aus, rufen Sie uns an. Wir messen die Leitung."),
    (
        "WLAN einrichten",
        "Der Schlüssel steht auf der Rückseite des Geräts. Ein Update lädt das Gerät selbst.",
    ),
    ("Umzug mitnehmen", "Nennen Sie uns das Datum. Der Techniker bringt das Modem in die neue Wohnung."),
]
ENGLISH = [
    ("Change your billing address", "Open your account, enter the new address and save it."),
    ("Forgotten password", "Ask for a link. With it you choose a new password."),
    ("Cancel a contract", "Contracts end with the month. We confirm by letter."),
    ("Printer errors", "Code ERR-4711 means that paper is missing. Check the tray."),
    ("Set up the wallbox", "Connect the cable and wait for the green light."),
    ("Size of attachments", "A file may have 25 MB. Pictures are made smaller."),
]


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A small help centre in both languages: German keys from 1, English keys from 101."""
    return Index.rebuild(tmp_path_factory.mktemp("shelf") / "search", _shelf())


def _shelf() -> Sequence[Document]:
    german = [_article(number, title, body) for number, (title, body) in enumerate(GERMAN, 1)]
    english = [_article(number, title, body, lang="en") for number, (title, body) in enumerate(ENGLISH, 101)]
    return [*german, *english]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "search"
