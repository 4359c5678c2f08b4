"""Public holidays of a region, as proposals that a person reviews before a calendar closes on them.

The only place that asks the `holidays` library, and only when called: loading it takes a fifth of a second. The
calendar's arithmetic never comes here.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

COUNTRIES = ("DE", "AT", "CH")
_LANGUAGES = {"de": "de", "en": "en_US"}


class NoSuchRegion(ValueError):
    """The country or its subdivision is not known."""


class PublicHoliday(NamedTuple):
    """A date on which the law of the region closes, and its name."""

    day: date
    name: str


def subdivisions(country: str) -> dict[str, str]:
    """The regions of a country by name: codes (ISO 3166-2 without the country; towns with a holiday of their own by
    name) and what they are called there. Raises `NoSuchRegion`."""
    import holidays

    try:
        known = holidays.country_holidays(country)
    except NotImplementedError as fault:
        raise NoSuchRegion(country) from fault
    names: dict[str, str] = {}
    for name, code in known.subdivisions_aliases.items():
        names.setdefault(code, name)
    found = {code: names.get(code, code) for code in known.subdivisions}
    return dict(sorted(found.items(), key=lambda item: item[1].replace("Ö", "O")))


def public_holidays(
    country: str, subdivision: str | None, year: int, *, language: str = "de"
) -> list[PublicHoliday]:
    """The public holidays of one year in order of date; `subdivision` None means those of the whole country.

    Bank holidays, half days and days kept by custom (24 December in Germany, Sechseläuten) are not among them.
    Raises `NoSuchRegion`.
    """
    import holidays

    try:
        found = holidays.country_holidays(
            country, subdiv=subdivision, years=year, expand=False, language=_LANGUAGES.get(language, "en_US")
        )
    except NotImplementedError as fault:
        raise NoSuchRegion(f"{country}-{subdivision}" if subdivision else country) from fault
    return [PublicHoliday(day, name) for day, name in sorted(found.items())]
