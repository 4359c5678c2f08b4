"""The page in a copy that a person reads offline: one file without anything from outside, in her language.

It shows the same streams as `data.json`, piece by piece, and knows neither Flask nor the portal's addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from app.i18n import FORMATTING, format_date, format_number, gettext_in, ngettext_in
from app.personal import P
from app.privacy import labels, mydata, taking
from app.privacy.export_document import Head
from app.privacy.taking import PORTABLE, Sort, Taker
from app.tickets.labels import CHANNEL, PRIORITY, STATUS_FOR_CUSTOMER
from app.words import N_

HERE = Path(__file__).parent.parent
BUFFERED = 64  # pieces of the template that are joined before they are handed on

EXTRA = {"request": N_("Request"), "role": N_("Role")}  # words of what is no column
EVENT = {
    "created": N_("Request sent"),
    "proved": N_("Address confirmed"),
    "message": N_("Message written"),
    "message_withdrawn": N_("Reply taken back"),
    "status": N_("Status changed"),
    "priority": N_("Priority changed"),
    "assignee": N_("Assigned"),
    "team": N_("Moved to another team"),
    "request_type": N_("Topic changed"),
    "subject": N_("Subject changed"),
    "private": N_("Visibility changed"),
    "disposal": N_("Taken out of the queue or put back"),
}
NOTE = {"released": N_("Released"), "withheld": N_("Withheld"), "held_back": N_("Held back for now")}
CODES = {
    ("privacy_request", "kind"): labels.KIND,
    ("privacy_request", "state"): labels.STATE,
    ("legal_hold", "ground"): labels.GROUND,
    ("note_decision", "state"): NOTE,
    ("ticket_event", "type"): EVENT,
    ("ticket", "status"): STATUS_FOR_CUSTOMER,
    ("ticket", "priority"): PRIORITY,
    ("ticket", "channel"): CHANNEL,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One sort of data on the page: its name, what is said of its columns, and its rows as (label, value) pairs."""

    name: str
    title: str
    facts: tuple[dict[str, Any], ...]
    rows: Iterator[list[tuple[str, str]]]


def page(taker: Taker, head: Head, timezone: str, actions: Mapping[str, str]) -> Iterator[str]:
    """The page, in pieces. `actions` are the words for entries of the audit log."""
    words = _Words(head.lang, ZoneInfo(timezone))
    stream = _template(head.lang).stream(
        lang=head.lang,
        company=head.company,
        address=head.address,
        made_at=words.moment(head.made_at),
        told=head.told,
        style=_style(),
        name=taker.person.name,
        email=taker.person.email,
        parts=_parts(taker, words),
        conversations=taking.conversations(taker),
        facts=[_fact(says, words) for sort in taking.sorts() for _, says in sort.columns if _spoken(sort)],
        notes=_begun(taking.notes(taker)),
        journal=_begun(taking.journal(taker)),
        words=words,
        rest=partial(_rest, {sort.table.name: sort for sort in taking.sorts()}, words),
        actions=actions,
        status=STATUS_FOR_CUSTOMER,
        note_words=NOTE,
        quote=quote,
    )
    stream.enable_buffering(BUFFERED)
    yield from stream


def _spoken(sort: Sort) -> bool:
    return sort.table.name in taking.THREADS


@cache
def _template(lang: str) -> Any:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext_in(lang), ngettext_in(lang), newstyle=True
    )
    return environment.get_template("privacy/copy.html")


@cache
def _style() -> Markup:
    sheets = (HERE / "static" / "css" / name for name in ("tokens.css", "copy.css"))
    return Markup("<style>\n%s</style>") % Markup("".join(sheet.read_text() for sheet in sheets))  # noqa: S704 (our own sheets)


def _parts(taker: Taker, words: _Words) -> Iterator[Part]:
    """Each sort of which there is something, or which at least is told of."""
    for sort in taking.other_sorts():
        rows = _begun(_row(sort, words, row) for row in taking.rows(taker, sort))
        if rows is not None:
            facts = (*(says for _, says in sort.columns), *sort.hidden)
            yield Part(
                sort.table.name, words.say(sort.title), tuple(_fact(says, words) for says in facts), rows
            )


def _begun(items: Iterable[Any]) -> Iterator[Any] | None:
    """The items, or None where there are none; only the first one is looked at."""
    found = iter(items)
    for first in found:
        return chain([first], found)
    return None


def _row(sort: Sort, words: _Words, row: dict[str, Any]) -> list[tuple[str, str]]:
    names = {column.name: says.label for column, says in sort.columns} | EXTRA
    return [
        (
            words.say(names[name]),
            words.readable(name, value, CODES.get((sort.table.name, name), mydata.CODES)),
        )
        for name, value in row.items()
        if value not in (None, "")
    ]


def _rest(
    sorts: Mapping[str, Sort], words: _Words, table: str, fields: dict[str, Any], *shown: str
) -> list[tuple[str, str]]:
    """What of a row is not shown otherwise."""
    sort = sorts[table]
    return _row(sort, words, {name: value for name, value in fields.items() if name not in shown})


def _fact(says: P, words: _Words) -> dict[str, Any]:
    assert says.purpose is not None
    return {
        "label": words.say(says.label),
        "source": words.say(says.source.value),
        "purpose": words.say(says.purpose.words),
        "basis": says.purpose.basis.value,
        "kept": [words.say(term.words) for term in says.retain],
        "portable": says.export in PORTABLE,
    }


class _Words:
    """Values as a person reads them, in one language and zone."""

    def __init__(self, lang: str, zone: ZoneInfo) -> None:
        self.lang, self.zone, self.say = lang, zone, gettext_in(lang)

    def moment(self, value: datetime) -> str:
        local = value.astimezone(self.zone)
        clock = f"{local:%H:%M}\u00a0Uhr" if self.lang == "de" else f"{local:%H:%M}"
        return f"{format_date(local.date(), lang=self.lang)}, {clock}"

    def size(self, value: int) -> str:
        if value < 1024**2:
            return f"{format_number(max(1, round(value / 1024)), self.lang)} KB"
        return f"{format_number(round(value / 1024**2, 1), self.lang)} MB"

    def readable(self, name: str, value: Any, codes: dict[str, str]) -> str:
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return format_date(value, lang=self.lang)
        if isinstance(value, dict):
            return self.localised(value) or "\n".join(f"{key}: {text}" for key, text in value.items())
        if name == "request":
            return f"#{value}"
        if isinstance(value, str):
            return self.say(codes[value]) if value in codes else value
        return str(value)

    def localised(self, texts: dict[str, Any]) -> str:
        """A text that admins write in both languages, in this one; nothing for what is no such text."""
        return (
            str(texts.get(self.lang) or next(iter(texts.values())))
            if texts.keys() <= FORMATTING.keys()
            else ""
        )
