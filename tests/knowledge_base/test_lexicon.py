"""Compounds, verb forms and near spellings, on invented vocabularies."""

import pytest

from knowledge_base.lexicon import allowed_distance, base_forms, distance, split

KNOWN = {
    "rechnung": 5,
    "adresse": 4,
    "sammel": 2,
    "tasten": 3,
    "kombination": 2,
    "kunde": 4,
    "konto": 6,
    "ung": 9,
    "wall": 1,
    "box": 3,
}


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("rechnungsadresse", ("rechnung", "adresse")),
        ("sammelrechnung", ("sammel", "rechnung")),
        ("tastenkombination", ("tasten", "kombination")),
        ("kundenkonto", ("kunde", "konto")),
        ("rechnungskontoadresse", ("rechnung", "konto", "adresse")),
        ("rechnung", ()),
        ("rechnungxyz", ()),
        ("adr", ()),
    ],
)
def test_compounds_are_split_into_known_parts(word: str, parts: tuple[str, ...]) -> None:
    assert split(word, "de", lambda text: KNOWN.get(text, 0)) == parts


def test_endings_are_no_parts() -> None:
    assert split("rechnungung", "de", lambda text: KNOWN.get(text, 0)) == ()


def test_english_joins_without_links() -> None:
    assert split("wallbox", "en", lambda text: {"wall": 3, "box": 3}.get(text, 0)) == ("wall", "box")


@pytest.mark.parametrize(
    ("form", "base", "lang"),
    [
        ("eingeloggt", "einloggen", "de"),
        ("bezahlt", "bezahlen", "de"),
        ("bezahlter", "bezahlen", "de"),
        ("archivierte", "archivieren", "de"),
        ("gespeicherter", "speichern", "de"),
        ("hochgeladen", "hochladen", "de"),
        ("ladt", "laden", "de"),
        ("verlorenes", "verlieren", "de"),
        ("anzumelden", "anmelden", "de"),
        ("kundigung", "kundigen", "de"),
        ("zusammengefasst", "zusammenfassen", "de"),
        ("umzug", "umziehen", "de"),
        ("eingabe", "eingeben", "de"),
        ("installationen", "installieren", "de"),
        ("konten", "konto", "de"),
        ("delivery", "deliver", "en"),
        ("sent", "send", "en"),
        ("forgotten", "forget", "en"),
    ],
)
def test_verb_forms_lead_to_the_infinitive(form: str, base: str, lang: str) -> None:
    assert base in base_forms(form, lang)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("haus", "haus", 0),
        ("haus", "hasu", 1),
        ("haus", "hau", 1),
        ("passwort", "pasword", 2),
        ("kurz", "lang", 4),
    ],
)
def test_distance_counts_a_swap_as_one(one: str, other: str, edits: int) -> None:
    assert distance(one, other, 4) == distance(other, one, 4) == edits


def test_distance_stops_above_the_limit() -> None:
    assert distance("vollkommen", "anders", 2) == 3


def test_longer_words_may_hold_more_slips() -> None:
    assert [allowed_distance(length) for length in (3, 4, 6, 10)] == [0, 1, 2, 3]
