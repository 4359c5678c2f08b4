"""Words for who may read an article."""

from __future__ import annotations

import pytest

from app.articles.audience import Audience, audience
from app.errors import Refused


@pytest.mark.parametrize(
    ("tokens", "meant"),
    [
        (["public"], Audience("public")),
        (["customers"], Audience("customers")),
        (["internal"], Audience("internal")),
        (["internal", "public"], Audience("public")),
        (["organisation:a", "customers"], Audience("customers")),
        (["organisation:a"], Audience("listed", frozenset({"a"}))),
        (
            ["segment:s", "organisation:b", "organisation:a", "internal"],
            Audience("listed", frozenset({"a", "b"}), frozenset({"s"})),
        ),
    ],
)
def test_the_widest_counts_and_words_come_back(tokens: list[str], meant: Audience) -> None:
    assert audience(tokens) == meant
    assert audience(meant.tokens) == meant


@pytest.mark.parametrize("tokens", [[], [""], ["everyone"], ["organisation:"], ["public", "x"], ["listed"]])
def test_what_is_no_audience(tokens: list[str]) -> None:
    with pytest.raises(Refused):
        audience(tokens)
