"""The case file: arithmetic, histories and regions written by hand, each with its reason."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sla.cases_adapter import PortalAdapter

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
ADAPTER = PortalAdapter()


def _each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=lambda case: f"{case['id']} {case['why']}")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@_each("arithmetic")
def test_arithmetic(case: dict[str, Any]):
    spec = CASES["calendars"][case["calendar"]]
    if case["kind"] == "add":
        assert ADAPTER.add(ADAPTER.calendar(spec), _at(case["start"]), case["minutes"]) == _at(case["expect"])
    elif case["kind"] == "between":
        found = ADAPTER.between(ADAPTER.calendar(spec), _at(case["a"]), _at(case["b"]))
        assert found == pytest.approx(case["expect_minutes"], abs=1e-6)
    else:
        with pytest.raises(ValueError, match=r"."):
            ADAPTER.add(ADAPTER.calendar(spec), _at(case["start"]), case["minutes"])


@_each("histories")
def test_histories(case: dict[str, Any]):
    found = ADAPTER.replay(case, CASES["policies"], CASES["calendars"])
    for metric, expected in case["expect"].items():
        if metric == "next_breach_at":
            assert found[metric] == (_at(expected) if expected else None)
            continue
        for name, value in expected.items():
            if name.endswith("_at") and value is not None:
                value = _at(value)
            assert found[metric].get(name) == value, f"{metric}.{name}"


@_each("regions")
def test_regions(case: dict[str, Any]):
    found = {str(day) for day in ADAPTER.holidays(case["country"], case["subdiv"], case["year"])}
    assert found >= set(case["contains"])
    assert not found & set(case["excludes"])
