"""Lengths of working time as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refused
from app.sla.written import parse_length, written_length


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("", None),
        ("  ", None),
        ("4", 240),
        ("4h", 240),
        ("4 Std.", 240),
        ("2 hours 30 minutes", 150),
        ("1,5 h", 90),
        ("1.5", 90),
        ("30 min", 30),
        ("45m", 45),
        ("1:30", 90),
        ("0", 0),
        ("-2 h", -120),
        ("-0:30", -30),
        ("10000", 600_000),
    ],
)
def test_lengths_as_people_write_them(text: str, minutes: int | None) -> None:
    assert parse_length(text) == minutes


@pytest.mark.parametrize(
    "text", ["soon", "4 days", "1:75", "h", "4 h 30", "٤", "1e9", "--1", "99999999999 h", "4 h x"]
)
def test_what_is_no_length_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(Refused, match="no length of time") as refused:
        parse_length(text, "field")
    assert refused.value.field == "field"
    assert text in str(refused.value)


@given(st.integers(0, 200_000))
def test_lengths_come_back_as_they_were_written(minutes: int) -> None:
    assert parse_length(written_length(minutes)) == minutes
