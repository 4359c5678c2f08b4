"""What holds for any text, tried with generated ones."""

import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge_base.analysis import clean, words
from knowledge_base.index import Index
from knowledge_base.search import suggest
from tests.knowledge_base.conftest import PUBLIC, Article, Find

SHARED = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ"
WORD = st.text(LETTERS, min_size=3, max_size=14)
TITLE = st.lists(WORD, min_size=1, max_size=5).map(" ".join)


@settings(SHARED, max_examples=150)
@given(
    typed=st.one_of(st.text(max_size=120), st.text("äß-_.@ *?(){}\\\"'^~\0aA1", max_size=60)),
    lang=st.sampled_from(["de", "en"]),
)
def test_no_input_raises_and_no_markup_leaks(shelf: Index, find: Find, typed: str, lang: str) -> None:
    found = find(shelf, typed, lang)
    assert found.total >= len(found.hits)
    suggest(shelf, typed, lang=lang, audiences=PUBLIC)
    for hit in found.hits:
        assert "<" not in re.sub(r"</?mark>", "", hit.title_html + hit.snippet_html)


@settings(SHARED, max_examples=12)
@given(
    titles=st.lists(st.one_of(TITLE, st.text(max_size=30)), min_size=1, max_size=12),
    lang=st.sampled_from(["de", "en"]),
)
def test_every_article_is_found_by_its_title(
    article: Article, find: Find, titles: list[str], lang: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = Index.rebuild(
            Path(folder) / "search",
            [article(n, title, "Ein Text.", lang=lang) for n, title in enumerate(titles)],
        )
        for number, title in enumerate(titles):
            if not any(True for _ in words(clean(title))):
                continue
            found = find(index, title, lang, limit=50)
            scores = {hit.key: hit.score for hit in found.hits}
            assert number in scores, title
            assert scores[number] >= max(scores.values()) - 1e-3, title


@settings(SHARED, max_examples=8)
@given(titles=st.lists(TITLE, min_size=2, max_size=6), data=st.data())
def test_a_removed_article_is_never_found(
    article: Article, find: Find, titles: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, len(titles) - 1))
    with tempfile.TemporaryDirectory() as folder:
        index = Index.rebuild(
            Path(folder) / "search", [article(n, title, "Ein Text.") for n, title in enumerate(titles)]
        )
        index.remove([gone])
        for title in titles:
            assert gone not in find(index, title).keys
        assert index.find_text("ein text") == [n for n in range(len(titles)) if n != gone]


UMLAUTS = {
    "ä": ("ae", "a", "a\u0308"),
    "ö": ("oe", "o", "o\u0308"),
    "ü": ("ue", "u", "u\u0308"),
    "ß": ("ss", "ss", "ẞ"),
}


@settings(SHARED, max_examples=60)
@given(
    word=st.sampled_from(
        [
            "Überschuss",
            "Größe der Anhänge",
            "Rechnungsadresse ändern",
            "Störung",
            "Vertrag kündigen",
            "Fuß",
            "Schlüssel",
            "Häufige Fehler",
        ]
    ),
    variant=st.integers(0, 2),
    upper=st.booleans(),
)
def test_spellings_of_umlauts_give_equal_results(
    shelf: Index, find: Find, word: str, variant: int, upper: bool
) -> None:
    other = "".join(UMLAUTS[c.lower()][variant] if c.lower() in UMLAUTS else c for c in word)
    one, two = find(shelf, word), find(shelf, other.upper() if upper else other)
    assert one.keys == two.keys
    assert [hit.score for hit in one.hits] == [hit.score for hit in two.hits]
