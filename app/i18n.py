"""Languages: which one a page speaks, translations with and without a request, dates and numbers as people write them.

Knows no person and no table; the factory says whose preference counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import dates, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, gettext
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from app.errors import Refused
from app.now import now
from app.words import Word

FOLDER = Path(__file__).parent / "translations"
NATIVE_NAMES = {"de": "Deutsch", "en": "English"}
FORMATTING = {"de": "de_DE", "en": "en_GB"}  # dates and numbers; English here is British

REMEMBERED = 4096  # words, days and lengths of time as they were last written; none of them is about a person

log = logging.getLogger(__name__)


def init(
    app: Flask, *, languages: tuple[str, ...], timezone: str, preferred: Callable[[], str | None]
) -> None:
    """Set up translation. `preferred` gives the signed-in person's language, if there is one."""
    compile_catalogues()
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(FOLDER)
    app.config["PORTAL_LANGUAGES"] = languages
    app.config["PORTAL_TIMEZONE"] = timezone
    app.config["PORTAL_PREFERRED_LANGUAGE"] = preferred
    Babel(app, default_locale=languages[0], default_timezone=timezone, locale_selector=language)
    app.jinja_env.globals.update(_=_translated, gettext=_translated, ngettext=_counted, time_tag=time_tag)
    app.jinja_env.filters.update(
        date=format_date,
        datetime=format_datetime,
        ago=ago,
        deadline=format_deadline,
        number=format_number,
        left=format_left,
    )


def compile_catalogues(folder: Path = FOLDER) -> None:
    """Make the binary catalogues from the readable ones where they are missing or older."""
    for source in folder.glob("*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with open(source, "rb") as file:
            catalogue = read_po(file)
        partial = target.with_suffix(f".{id(catalogue)}.part")
        try:
            with open(partial, "wb") as file:
                write_mo(file, catalogue)
            partial.replace(target)
        except OSError:
            log.warning("translations in %s cannot be compiled; pages may be English", source.parent)


def language() -> str:
    """The language of the page being made: its address, else the person's choice, else her browser's."""
    try:
        chosen: str = g.language  # one look: a page asks some hundred times
    except (AttributeError, RuntimeError):  # not chosen yet, or no application at hand
        if not has_request_context():
            return "en"
        g.language = chosen = _choose()
    return chosen


def _choose() -> str:
    from flask import current_app

    known: tuple[str, ...] = current_app.config["PORTAL_LANGUAGES"]
    in_address = (request.view_args or {}).get("lang")
    if in_address in known:
        return str(in_address)
    preferred = current_app.config["PORTAL_PREFERRED_LANGUAGE"]()
    for candidate in (preferred, session.get("lang")):
        if candidate in known:
            return str(candidate)
    return request.accept_languages.best_match(known) or known[0]


def gettext_in(lang: str) -> Callable[[str], str]:
    """Translation into one language, also without a request (letters)."""
    return _catalogue(lang).gettext


def ngettext_in(lang: str) -> Callable[[str, str, int], str]:
    """Translation of a counted text into one language, also without a request."""
    return _catalogue(lang).ngettext


@cache
def _catalogue(lang: str) -> Translations:
    return Translations.load(str(FOLDER), [lang])  # type: ignore[return-value]


# A page asks for some hundred texts; by the way through Flask-Babel they took a quarter of its time.


@pass_eval_context
def _translated(context: EvalContext, message: str, **values: Any) -> str:
    """`_()` and `{% trans %}` of the templates, with named values; escaped where the template escapes."""
    if context.autoescape and not values:
        return _ready(language(), str(message))
    words = gettext_in(language())(str(message))
    return (Markup(words) if context.autoescape else words) % values  # noqa: S704 (our own texts)


@pass_eval_context
def _counted(context: EvalContext, one: str, many: str, num: int, **values: Any) -> str:
    """`ngettext()` and `{% pluralize %}` of the templates; the number is `%(num)s`."""
    words = ngettext_in(language())(one, many, num)
    return (Markup(words) if context.autoescape else words) % {"num": num, **values}  # noqa: S704


@lru_cache(REMEMBERED)
def _ready(lang: str, message: str) -> Markup:
    return Markup(gettext_in(lang)(message)) % {}  # noqa: S704 (our own texts)


def say(refused: Refused) -> str:
    """What a rule answered, in the page's language."""
    return str(gettext(refused.message, **{name: _in_words(value) for name, value in refused.values.items()}))


def _in_words(value: object) -> object:
    if isinstance(value, Word):
        return gettext(str(value))
    return format_datetime(value) if isinstance(value, datetime) else value


def format_date(value: date | datetime, style: str = "long", lang: str | None = None) -> str:
    """A day, like "24. November 2026"."""
    day = value.astimezone(_zone()).date() if isinstance(value, datetime) else value
    return _day(day, style, _locale(lang))


@lru_cache(REMEMBERED)
def _day(day: date, style: str, locale: str) -> str:
    return dates.format_date(day, style, locale=locale)


def format_datetime(value: datetime, lang: str | None = None) -> str:
    """A moment, like "24. November 2026, 11:30 Uhr" (with a no-break space) or "24 November 2026, 11:30"."""
    local = value.astimezone(_zone())
    return f"{_day(local.date(), 'long', _locale(lang))}, {_clock(local, lang)}"


def format_deadline(value: datetime, lang: str | None = None, timezone: str | None = None) -> str:
    """A moment that somebody waits for, like "Dienstag, 24. November, 11:30 Uhr" or "Tuesday, 24 November, 11:30".

    `timezone` is needed where no application is at hand (letters).
    """
    local = value.astimezone(ZoneInfo(timezone) if timezone else _zone())
    pattern = "EEEE, d.\u00a0MMMM" if (lang or language()) == "de" else "EEEE, d\u00a0MMMM"
    return f"{_day(local.date(), pattern, _locale(lang))}, {_clock(local, lang)}"


def format_time(value: datetime, lang: str | None = None) -> str:
    """A time of day, like "11:30 Uhr" or "11:30"."""
    return _clock(value.astimezone(_zone()), lang)


def _clock(local: datetime, lang: str | None) -> str:
    time = f"{local.hour:02}:{local.minute:02}"
    return f"{time}\u00a0Uhr" if (lang or language()) == "de" else time


def ago(value: datetime, lang: str | None = None) -> str:
    """How long ago, below a day; else the day."""
    passed = max((now() - value).total_seconds(), 1)  # a clock a moment ahead must not say "in 0 seconds"
    if passed >= 86_400:
        return format_date(value, "medium", lang)
    size = next(size for size in (86_400, 3600, 60, 1) if passed >= 0.85 * size)
    return _before(round(passed / size) * size, _locale(lang))


@lru_cache(REMEMBERED)
def _before(seconds: int, locale: str) -> str:
    return dates.format_timedelta(timedelta(seconds=-seconds), threshold=1, add_direction=True, locale=locale)


def time_tag(value: datetime | None, style: str = "datetime") -> Markup:
    """A `<time>` in the reader's zone and language: `datetime`, `date` or `ago`, which keeps the whole moment in the
    title and in print."""
    if value is None:
        return Markup("–")
    if style == "ago":
        title, words = f' title="{format_datetime(value)}"', ago(value)
    else:
        title, words = "", format_date(value) if style == "date" else format_datetime(value)
    return Markup(f'<time datetime="{value.isoformat()}"{title}>{words}</time>')  # noqa: S704 (nobody's text)


def format_period(value: timedelta, lang: str | None = None) -> str:
    """A length of time in its largest whole unit, like "30 Minuten", "24 Stunden" or "7 Tage"."""
    seconds = int(value.total_seconds())
    for unit, size, least in (("day", 86_400, 172_800), ("hour", 3600, 3600), ("minute", 60, 60)):
        if seconds >= least and seconds % size == 0:
            return _length(seconds // size, unit, "long", _locale(lang))
    return _length(max(1, round(seconds / 60)), "minute", "long", _locale(lang))


def format_left(value: timedelta, lang: str | None = None) -> str:
    """What is left of a time, or how long it is over, short: "38 Min.", "6 Std.", "2 Tage".

    What is left is rounded down, what is over is rounded up (rule T7 of the service levels), to the minute.
    """
    seconds = int(value.total_seconds())
    minutes = max(0, seconds // 60) if seconds >= 0 else -(seconds // 60)
    unit, count = next(
        (unit, minutes // size)
        for unit, size in (("day", 1440), ("hour", 60), ("minute", 1))
        if minutes >= size or size == 1
    )
    return _length(count, unit, "short", _locale(lang))


@lru_cache(REMEMBERED)
def _length(count: int, unit: str, style: Literal["long", "short"], locale: str) -> str:
    return units.format_unit(count, unit, style, locale=locale)


def format_number(value: float, lang: str | None = None) -> str:
    """A number with the separators of the language."""
    return numbers.format_decimal(value, locale=_locale(lang))


def joined(words: Iterable[str]) -> str:
    """Words as a plain list, separated by commas."""
    return ", ".join(words)


def _locale(lang: str | None) -> str:
    return FORMATTING[lang or language()]


def _zone() -> ZoneInfo:
    from flask import current_app

    return ZoneInfo(current_app.config["PORTAL_TIMEZONE"]) if current_app else ZoneInfo("Europe/Berlin")
