"""Articles and terms as files hold them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.articles.audience import Audience
from app.articles.entries import Entry, TermEntry, from_json, from_markdown, to_json, to_markdown
from app.articles.glossary import TermText
from app.articles.service import Content
from app.cleaning import clean, clean_line
from app.errors import Refused

LINE = st.text(max_size=60).map(lambda text: clean_line(text) or "")
WORDS = st.lists(LINE.filter(bool), max_size=5, unique=True).map(tuple)
BODY = st.text(max_size=400).map(lambda text: (clean(text) or "").strip("\n"))
SLUG = st.from_regex(r"[a-zäöü0-9][a-z0-9-]{0,20}", fullmatch=True)
LANG = st.sampled_from(("de", "en"))
READERS = st.one_of(
    st.sampled_from(("public", "customers", "internal")).map(Audience),
    st.builds(lambda one, two: Audience("listed", frozenset({one}), frozenset({two})), SLUG, SLUG),
)
ENTRIES = st.builds(
    Entry,
    slug=SLUG,
    lang=LANG,
    content=st.builds(Content, LINE.filter(bool), LINE, WORDS, BODY),
    category=st.one_of(st.none(), SLUG, st.builds("{}/{}".format, SLUG, SLUG)),
    audience=READERS,
    translation_of=st.one_of(st.none(), SLUG),
    state=st.sampled_from(("published", "draft", "archived")),
)
TERMS = st.builds(
    TermEntry, slug=SLUG, lang=LANG, text=st.builds(TermText, LINE.filter(bool), BODY, WORDS, WORDS)
)


@given(st.one_of(ENTRIES, TERMS))
def test_a_line_of_json_reads_back_the_same(item: Entry | TermEntry) -> None:
    assert from_json(to_json(item)) == item


@given(st.one_of(ENTRIES, TERMS))
def test_a_markdown_file_reads_back_the_same(item: Entry | TermEntry) -> None:
    assert from_markdown(to_markdown(item), lang=None, name="other") == item


@given(st.text(max_size=200))
def test_any_text_is_an_entry_or_a_refusal(text: str) -> None:
    for read in (
        from_json,
        lambda t: from_markdown(t, lang="de", name="x"),
        lambda t: from_markdown("---\n" + t, lang="de", name="x"),
    ):
        with contextlib.suppress(Refused):
            read(text)


def test_a_small_file_needs_little() -> None:
    item = from_markdown("---\ntitle: Hallo\n---\nText\n", lang="de", name="hallo")
    assert item == Entry("hallo", "de", Content("Hallo", "", (), "Text"))


def test_the_contracts_line() -> None:
    line = {
        "id": 7, "lang": "en", "title": "A  title", "body": "Text", "category": "a/b", "summary": "S",
        "keywords": ["one", "two", "one"], "audience": ["organisation:x", "segment:y"],
        "translation_of": "titel", "unknown": {"x": 1},
    }  # fmt: skip
    item = from_json(json.dumps(line))
    assert item == Entry(
        "7",
        "en",
        Content("A title", "S", ("one", "two"), "Text"),
        "a/b",
        Audience("listed", frozenset({"x"}), frozenset({"y"})),
        "titel",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"lang":"fr","slug":"x","title":"t","body":"b"}', "lang"),
        ('{"lang":"de","title":"t","body":"b"}', "slug"),
        ('{"lang":"de","slug":"x","title":"t"}', "body"),
        ('{"lang":"de","slug":"x","body":"b"}', "title"),
        ('{"lang":"de","slug":"a/b","title":"t","body":"b"}', "a/b"),
        ('{"lang":"de","slug":"x","title":true,"body":"b"}', "title"),
        ('{"lang":"de","slug":"x","title":"t","body":"b","audience":"all"}', "all"),
        ('{"lang":"de","slug":"x","title":"t","body":"b","state":"gone"}', "state"),
        ('{"lang":"de","slug":"x","title":"t","body":"b","keywords":7}', "keywords"),
        ('{"lang":"de","slug":"x","title":"' + "t" * 10_000 + '","body":"b"}', "10000"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_what_is_wrong_is_said(line: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        from_json(line)


@pytest.mark.parametrize(
    "head", ["a: [", "- x", "&a [*a]", "title: !!python/object/apply:os.system [x]", "{}: {}"]
)
def test_odd_front_matter_is_refused(head: str) -> None:
    with pytest.raises(Refused):
        from_markdown(f"---\n{head}\n---\nText", lang="de", name="x")


def test_control_signs_and_half_signs_go() -> None:
    item = from_json('{"lang":"de","slug":"x","title":"a\\u0000b\\ud800","body":"c\\u0000\\r\\nd"}')
    assert isinstance(item, Entry)
    assert (item.content.title, item.content.body) == ("ab\ufffd", "c\nd")
