"""Proposed public holidays: every region of the three countries, and days the law does or does not know."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from app.sla.public_holidays import COUNTRIES, NoSuchRegion, public_holidays, subdivisions


def test_every_region_has_holidays_in_order_with_names():
    assert [len(subdivisions(country)) for country in COUNTRIES] == [
        17,
        9,
        27,
    ]  # with Augsburg and the city of Zurich
    for country in COUNTRIES:
        for region in (None, *subdivisions(country)):
            found = public_holidays(country, region, 2027)
            assert date(2027, 1, 1) in [holiday.day for holiday in found]
            assert found == sorted(found)
            assert all(holiday.name and holiday.day.year == 2027 for holiday in found)


@pytest.mark.parametrize(
    ("country", "region", "day", "closed"),
    [
        ("DE", "SN", date(2025, 11, 19), True),  # Buß- und Bettag
        ("DE", "BY", date(2025, 11, 19), False),
        ("DE", "BE", date(2028, 6, 17), True),  # once
        ("DE", "BE", date(2027, 6, 17), False),
        ("DE", "HE", date(2026, 12, 24), False),  # kept by custom, not by law
        ("AT", "9", date(2026, 4, 3), False),  # Good Friday
        ("AT", "9", date(2026, 10, 26), True),
        ("CH", "ZH", date(2026, 1, 2), False),
        ("CH", "NE", date(2026, 3, 1), True),
    ],
)
def test_days_by_law(country, region, day, closed):
    assert (day in [holiday.day for holiday in public_holidays(country, region, day.year)]) == closed


def test_names_come_in_the_language_asked_for():
    names = [public_holidays("AT", "9", 2026, language=language)[0].name for language in ("de", "en")]
    assert names == ["Neujahr", "New Year's Day"]


@pytest.mark.parametrize(("country", "region"), [("DE", "XX"), ("XX", None)])
def test_an_unknown_region_is_refused(country, region):
    with pytest.raises(NoSuchRegion):
        public_holidays(country, region, 2026)


def test_the_library_is_loaded_only_when_asked():
    probe = "import sys, app.sla.calendar, app.sla.public_holidays; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
