"""How text becomes words: cutting, normal form, folding, stems."""

import pickle

import pytest

from knowledge_base.analysis import WordAnalyzer, chain_at, clean, fold, normal, stem, stop_words, words


def texts(text: str) -> list[str]:
    return [word.text for word in words(clean(text))]


def test_words_are_runs_of_letters_and_digits() -> None:
    assert texts("Wie geht’s? 25 MB, bitte!") == ["wie", "geht", "25", "mb", "bitte"]


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("E-Mail", "email", ["e", "mail"]),
        ("ERR_CONN-42", "errconn42", ["err", "conn", "42"]),
        ("mia.kern@post.example", "miakernpostexample", ["mia", "kern", "post", "example"]),
        ("Kund:innen", "kundinnen", ["kund", "innen"]),
    ],
)
def test_tied_chains_are_words_as_a_whole_and_in_parts(text: str, whole: str, parts: list[str]) -> None:
    found = list(words(text))
    assert [word.text for word in found if word.whole] == [whole]
    assert [word.text for word in found if not word.whole] == parts
    assert [word.position for word in found if not word.whole] == list(range(len(parts)))
    assert chain_at(text, 0) == (len(parts[0]), whole, len(text))


def test_offsets_point_into_the_text() -> None:
    text = clean("Der Über\u00adschuss – a\u0308lter als „Straße“")
    for word in words(text):
        assert normal(text[word.start : word.end]) == word.text


def test_a_sentence_end_without_space_ties_nothing_of_the_next_line() -> None:
    assert texts("Ende.\nNeu") == ["ende", "neu"]


@pytest.mark.parametrize(
    "variants",
    [
        ("Schlüssel", "schluessel", "SCHLUSSEL", "schlu\u0308ssel"),
        ("Größe", "groesse", "grosse", "GRÖSSE"),
        ("ändern", "aendern", "andern"),
        ("Öffnung", "oeffnung", "offnung"),
    ],
)
def test_german_spellings_meet_in_one_form(variants: tuple[str, ...]) -> None:
    assert len({fold(normal(clean(text)), "de") for text in variants}) == 1


def test_ue_after_a_vowel_or_q_is_no_umlaut() -> None:
    assert [fold(word, "de") for word in ("neue", "steuer", "quelle", "bauen")] == [
        "neue",
        "steuer",
        "quelle",
        "bauen",
    ]


def test_english_loses_accents_only() -> None:
    assert [fold(normal(word), "en") for word in ("Café", "value", "Customer's")] == [
        "cafe",
        "value",
        "customer",
    ]


def test_german_inflections_share_a_stem() -> None:
    assert len({stem(fold(word, "de"), "de") for word in ("häuser", "haus", "hauses", "häusern")}) == 1


@pytest.mark.parametrize(
    ("one", "other", "lang"),
    [
        ("sicher", "sich", "de"),
        ("sichern", "sicher", "de"),
        ("ändern", "andere", "de"),
        ("seite", "seit", "de"),
        ("customer", "customs", "en"),
        ("terminal", "terminate", "en"),
    ],
)
def test_strangers_keep_stems_of_their_own(one: str, other: str, lang: str) -> None:
    assert stem(fold(one, lang), lang) != stem(fold(other, lang), lang)


def test_forms_of_a_word_share_its_own_stem() -> None:
    assert len({stem(fold(word, "de"), "de") for word in ("ändern", "ändert", "Änderung".casefold())}) == 1


def test_codes_are_not_stemmed() -> None:
    assert stem("x500es", "de") == "x500es"


def test_stop_words_are_folded() -> None:
    assert {"fur", "wie", "konnen"} <= stop_words("de")
    assert "passwort" not in stop_words("de")


def test_the_analyser_survives_pickling_with_the_schema() -> None:
    copy = pickle.loads(pickle.dumps(WordAnalyzer()))
    assert copy == WordAnalyzer()
    assert [(token.text, token.pos) for token in copy("Die E-Mail")] == [
        ("die", 0),
        ("email", 1),
        ("e", 1),
        ("mail", 2),
    ]
