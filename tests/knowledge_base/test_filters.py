"""Audiences and categories decide inside the query, so totals and paging are right."""

import pytest

from knowledge_base.index import Index
from tests.knowledge_base.conftest import Article, Find


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, article: Article) -> Index:
    documents = [
        article(1, "Pumpe warten", "Öl prüfen.", category="technik/pumpen", audiences=frozenset({"public"})),
        article(2, "Pumpe bestellen", "Formular.", category="technik", audiences=frozenset({"customers"})),
        article(
            3,
            "Pumpe intern",
            "Einkaufspreis.",
            category="technik/pumpen/intern",
            audiences=frozenset({"internal"}),
        ),
        article(
            4,
            "Pumpe Sondermodell",
            "Für Nordwind.",
            category="technikum",
            audiences=frozenset({"organisation:nordwind", "segment:gross"}),
        ),
        article(5, "Pumpe ohne Leser", "Entwurf.", category="technik", audiences=frozenset()),
    ]
    return Index.rebuild(tmp_path_factory.mktemp("filters") / "search", documents)


@pytest.mark.parametrize(
    ("tokens", "keys"),
    [
        (set(), set()),
        ({"public"}, {1}),
        ({"public", "customers"}, {1, 2}),
        ({"public", "customers", "internal"}, {1, 2, 3}),
        ({"public", "organisation:nordwind"}, {1, 4}),
        ({"segment:gross"}, {4}),
        ({"organisation:ostwind"}, set()),
    ],
)
def test_any_one_token_suffices(index: Index, find: Find, tokens: set[str], keys: set[int]) -> None:
    found = find(index, "pumpe", audiences=frozenset(tokens))
    assert set(found.keys) == keys
    assert found.total == len(keys)
    assert {hit.key for hit in found.hits} == keys


@pytest.mark.parametrize(
    ("category", "keys"),
    [
        (None, {1, 2, 3, 4}),
        ("technik", {1, 2, 3}),
        ("technik/pumpen", {1, 3}),
        ("technikum", {4}),
        ("tech", set()),
        ("kunst", set()),
    ],
)
def test_a_category_holds_those_below_it(
    index: Index, find: Find, category: str | None, keys: set[int]
) -> None:
    everyone = frozenset({"public", "customers", "internal", "segment:gross"})
    found = find(index, "pumpe", audiences=everyone, category=category)
    assert (set(found.keys), found.total) == (keys, len(keys))


def test_what_is_hidden_does_not_shift_pages(index: Index, find: Find) -> None:
    page = find(index, "pumpe", audiences=frozenset({"public", "customers"}), offset=1, limit=1)
    assert (page.total, len(page.hits)) == (2, 1)


def test_hidden_articles_give_no_answer_and_no_text(index: Index, find: Find) -> None:
    found = find(index, "einkaufspreis")
    assert (found.total, found.answer, found.did_you_mean) == (0, None, None)


def test_corrections_do_not_betray_hidden_words(index: Index, find: Find) -> None:
    assert find(index, "pumpe einkaufspries").did_you_mean is None
    inside = find(index, "pumpe einkaufspries", audiences=frozenset({"public", "internal"}))
    assert inside.did_you_mean == "pumpe einkaufspreis"
