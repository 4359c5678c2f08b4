"""What customers type and what they must find."""

import pytest

from knowledge_base.document import Results
from knowledge_base.index import Index
from knowledge_base.search import suggest
from tests.knowledge_base.conftest import PUBLIC, Article, Find


def first(results: Results) -> str:
    return results.hits[0].title if results.hits else ""


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("rechnung adresse aendern", "Rechnungsadresse ändern"),
        ("Adresse der Rechnung", "Rechnungsadresse ändern"),
        ("RECHNUNGSANSCHRIFT", "Rechnungsadresse ändern"),
        ("Passwort vergesen", "Passwort vergessen"),
        ("paswort", "Passwort vergessen"),
        ("pass wort vergessen", "Passwort vergessen"),
        ("kann mein kennwort nicht mehr", "Passwort vergessen"),
        ("Wie kündige ich?", "Vertrag kündigen"),
        ("gekündigter Vertrag", "Vertrag kündigen"),
        ("Sammelrechnung", "Sammelrechnungen für Firmen"),
        ("Tasten Kombination", "Tastenkombinationen"),
        ("err-4711", "Häufige Fehler beim Drucken"),
        ("ERR 4711", "Häufige Fehler beim Drucken"),
        ("4711", "Häufige Fehler beim Drucken"),
        ("abmelden@beispiel.example", "Newsletter abbestellen"),
        ("25 mb", "Größe der Anhänge"),
        ("groesse anhang", "Größe der Anhänge"),
        ("grosse anhange", "Größe der Anhänge"),
        ("uberschuss", "Überschuss auszahlen lassen"),
        ("ueberschuss auszahlung", "Überschuss auszahlen lassen"),
        ("melde eine störung", "Störung melden"),
        ("wifi setup", "WLAN einrichten"),
        ("upgedatet gerät update", "WLAN einrichten"),
        ("bestelle den newsletter ab", "Newsletter abbestellen"),
    ],
)
def test_german_queries_find_their_article(shelf: Index, find: Find, typed: str, title: str) -> None:
    assert first(find(shelf, typed)) == title


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("billing adress", "Change your billing address"),
        ("forgot my password", "Forgotten password"),
        ("cancelling contracts", "Cancel a contract"),
        ("wall box", "Set up the wallbox"),
        ("atachment size", "Size of attachments"),
        ("ERR_4711", "Printer errors"),
    ],
)
def test_english_queries_find_their_article(shelf: Index, find: Find, typed: str, title: str) -> None:
    assert first(find(shelf, typed, "en")) == title


def test_languages_are_apart(shelf: Index, find: Find) -> None:
    assert {hit.key < 100 for hit in find(shelf, "ERR-4711").hits} == {True}
    assert {hit.key > 100 for hit in find(shelf, "ERR-4711", "en").hits} == {True}
    with pytest.raises(ValueError, match="language"):
        find(shelf, "x", "fr")


def test_exact_title_comes_first(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [
            article(1, "Bestellung", "Bestellung Bestellung Status der Bestellung"),
            article(2, "Status der Bestellung", "Hier steht wenig."),
            article(3, "Status der Bestellung und Bestellung ändern", "Status Bestellung Status Bestellung"),
        ],
    )
    assert find(index, "status der bestellung").keys[0] == 2


def test_all_words_are_preferred_and_some_accepted(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [
            article(1, "Router", "Der Router hat vier Buchsen."),
            article(2, "Zurücksetzen", "So setzen Sie den Router zurück: Taste drücken."),
            article(3, "Buchsen reinigen", "Nehmen Sie ein Tuch."),
        ],
    )
    found = find(index, "router buchsen")
    assert found.keys[0] == 1
    assert set(found.keys) == {1, 2, 3}


def test_words_next_to_each_other_win(folder, article: Article, find: Find) -> None:
    filler = "Dazwischen steht noch eine Menge anderer Text über ganz verschiedene Dinge im Leben."
    index = Index.rebuild(
        folder,
        [
            article(1, "Erstes", f"Der blaue Balken. {filler} Ein Zeiger."),
            article(2, "Zweites", f"Der blaue Zeiger. {filler} Ein Balken."),
        ],
    )
    assert find(index, "blauer zeiger").keys == (2, 1)
    assert find(index, "blauer balken").keys == (1, 2)


def test_popularity_only_breaks_ties(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [
            article(1, "Gleicher Titel", "Gleicher Text."),
            article(2, "Gleicher Titel", "Gleicher Text.", popularity=1.0, helpful=1.0),
            article(3, "Anderes", "Hier kommt der Titel auch vor.", popularity=1.0, helpful=1.0),
        ],
    )
    assert find(index, "gleicher titel").keys[:2] == (2, 1)


def test_did_you_mean_offers_known_words(shelf: Index, find: Find) -> None:
    assert find(shelf, "Passwort vergesen").did_you_mean == "Passwort vergessen"
    assert find(shelf, "Passwort vergessen").did_you_mean is None
    assert find(shelf, "  uberschus  melden ").did_you_mean == "überschuss melden"
    assert find(shelf, "xqzv").did_you_mean is None


def test_only_stop_words_still_find(shelf: Index, find: Find) -> None:
    assert find(shelf, "wie ist das").total > 0
    assert find(shelf, "what is the", "en").total > 0


@pytest.mark.parametrize(
    "typed", ["", " ", "?!", "\0", "…", "😀🎉", "((((", '"*"', "AND OR NOT", "title:passwort^9", "\u202e"]
)
def test_nothing_typed_is_syntax(shelf: Index, find: Find, typed: str) -> None:
    find(shelf, typed)
    find(shelf, f"{typed} passwort vergessen {typed}")
    assert first(find(shelf, f"{typed} passwort vergessen")) == "Passwort vergessen" or typed == "\u202e"


def test_long_input_is_bounded(shelf: Index, find: Find) -> None:
    assert find(shelf, "x" * 5000).total == 0
    assert first(find(shelf, "passwort vergessen " + "wort " * 2000)) == "Passwort vergessen"
    find(shelf, " ".join(f"wort{number}" for number in range(200)))


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("pa", "Passwort vergessen"),
        ("rechnungsad", "Rechnungsadresse ändern"),
        ("vertrag kün", "Vertrag kündigen"),
        ("pasw", "Passwort vergessen"),
        ("newslt", "Newsletter abbestellen"),
        ("gros", "Größe der Anhänge"),
    ],
)
def test_suggestions_take_the_last_word_as_a_beginning(shelf: Index, typed: str, title: str) -> None:
    assert title in [hit.title for hit in suggest(shelf, typed, lang="de", audiences=PUBLIC).hits]


def test_search_counts_the_last_word_as_a_beginning_too(shelf: Index, find: Find) -> None:
    assert first(find(shelf, "tastenkomb")) == "Tastenkombinationen"
    assert find(shelf, "kündigen passw").total > find(shelf, "kündigen passw ").total - 1


def test_the_clear_winner_gives_an_answer(shelf: Index, find: Find) -> None:
    answer = find(shelf, "passwort vergessen").answer
    assert answer is not None
    assert (answer.key, answer.anchor) == (2, "s0")
    assert find(shelf, "xqzv").answer is None


def test_the_answer_links_to_its_section(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder,
        [article(1, "Handbuch", "Der Deckel ist rot.", "Die Schraube ist silbern.", "Das Kabel ist lang.")],
    )
    found = find(index, "silberne schraube")
    assert found.hits[0].anchor == "s1"
    assert found.answer is not None
    assert found.answer.anchor == "s1"


def test_paging_gives_every_hit_once(folder, article: Article, find: Find) -> None:
    index = Index.rebuild(
        folder, [article(number, f"Ventil Nummer {number}", "Ein Ventil.") for number in range(1, 36)]
    )
    pages = [find(index, "ventil", offset=offset, limit=10) for offset in range(0, 40, 10)]
    assert [page.total for page in pages] == [35] * 4
    keys = [hit.key for page in pages for hit in page.hits]
    assert sorted(keys) == list(range(1, 36))
    assert tuple(keys) == pages[0].keys
