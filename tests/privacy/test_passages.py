"""Words about a person are found however they are wrapped, quoted or written, and nothing else goes with them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.privacy.blackout import read_spans, write_spans
from app.privacy.passages import Names, cut, marker, normalised, spans_of, without_quotes

NAMES = Names.of([("Anna.Meier@example.org", "Anna  Meier"), ("li@example.org", "Li")])
MARK = "[entfernt]"


def test_addresses_and_full_names_go() -> None:
    text = "Frau anna MEIER <anna.meier@example.org>, (Anna.Meier@Example.org). Anna\n> Meier rief an."
    assert NAMES.removed(text, MARK) == f"Frau {MARK} <{MARK}>, ({MARK}). {MARK} rief an."


def test_a_hyphen_may_be_there_or_not() -> None:
    names = Names.of([("x@example.org", "Anna-Lena Groß Meier")])
    assert names.removed("anna lena groß-meier und Anna-Lena Groß\n> Meier.", MARK) == f"{MARK} und {MARK}."
    assert names.covers("meier anna")
    assert not names.covers("anna")
    assert not names.covers("anna lena schulz")


def test_other_people_stay() -> None:
    for text in (
        "Anna Meiers Hund",
        "Joanna Meier",
        "hanna.meier@example.org",
        "anna.meier@example.org.evil.de",
        "Anna und Herr Meier",
        "Anna Meier-Schulz",
        "Karl-Anna Meier",
        "Li kam",  # one word alone may be anybody's name
    ):
        assert NAMES.removed(text, MARK) == text


@given(st.text(max_size=200))
def test_nothing_is_removed_where_nothing_is_found(text: str) -> None:
    assert NAMES.removed(text, MARK) == text or NAMES.spans(text)


@given(st.lists(st.text("ab >\n", max_size=8), max_size=6), st.lists(st.integers(0, 30), max_size=6))
def test_cutting_keeps_all_the_rest(parts: list[str], edges: list[int]) -> None:
    text = "".join(parts)
    spans = [(a, b) for a, b in pairwise(edges) if a < b <= len(text)]
    left = cut(text, spans, "")
    gone = {place for start, end in spans for place in range(start, end)}
    assert left == "".join(letter for place, letter in enumerate(text) if place not in gone)
    assert read_spans(write_spans(spans)) == spans


def test_a_passage_is_found_across_lines_quotes_and_capitals() -> None:
    assert spans_of("my blood sugar", "It is My Blood\n> sugar today") == [(6, 22)]
    assert spans_of("a.c", "abc a.c") == [(4, 7)]
    assert spans_of("  ", "anything") == []


def test_quotes_of_hers_go_from_texts_of_others() -> None:
    hers = normalised("The pump is loud since Monday.\nPlease call 030 12345.\n")
    answer = "Hello\n\n> The pump is loud\n> since Monday.\n>\n> Please call 030 12345.\n\nWe come. Please call us."
    assert without_quotes(answer, hers, MARK) == f"Hello\n\n> {MARK}\n\nWe come. Please call us."


def test_what_others_said_stays_also_in_quotes() -> None:
    hers = normalised("The pump is loud since Monday.")
    for text in ("> Otto's own words\nfine", "loud", "The pump", "no quote at all\n\n> \n"):
        assert without_quotes(text, hers, MARK) == text
    assert without_quotes("anything", "", MARK) == "anything"


def test_a_copied_line_without_a_mark_is_a_quote_too() -> None:
    hers = normalised("My number is 4711 and my street is Weg 5.")
    assert (
        without_quotes("you wrote:\nMy number is 4711 and my street is Weg 5.", hers, MARK)
        == f"you wrote:\n{MARK}"
    )


def test_the_mark_says_why() -> None:
    assert (marker("Gesundheit"), marker("health", lang="en")) == (
        "[entfernt: Gesundheit]",
        "[removed: health]",
    )
    assert marker("") == "[entfernt]"
