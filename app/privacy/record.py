"""The record of processing activities (GDPR Art. 30) and the sheet of what is held about the team, derived from what
stands beside every column. Pure but for the list of recipients, which the caller hands in; the same facts as Markdown
and as JSON, in the languages of the portal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Column

from app.personal import Kind, P, Purpose, RowFate, Source, T
from app.privacy.registry import tables
from app.words import N_

Say = Callable[[str], str]
CUSTOMERS, TEAM, EVERYBODY = "customers", "team", "everybody"

PERSONS = {
    CUSTOMERS: N_("Customers and guests"),
    TEAM: N_("Members of the team"),
    EVERYBODY: N_("Everybody with an account, team included"),
}
KINDS = {
    Kind.IDENTIFIER: N_("Names and identifiers"),
    Kind.CONTACT: N_("Contact data"),
    Kind.CONTENT: N_("Contents of messages and forms"),
    Kind.FILE: N_("Files"),
    Kind.NETWORK: N_("Network and device data, shortened"),
    Kind.CREDENTIAL: N_("Check values of passwords and links"),
    Kind.PREFERENCE: N_("Settings"),
    Kind.CONSENT: N_("Consents and notices shown"),
    Kind.AUDIT: N_("Logs of changes and looks"),
    Kind.DERIVED: N_("States, times and sizes"),
}
ON_CONSENT = (Purpose.SURVEY, Purpose.NEWS)  # hold nothing of their own: name and address from the account

# Technical and organisational measures (Art. 32) as they are built in; what the operator adds stands in the notice.
MEASURES = (
    N_("Access by role; what somebody may not see looks as if it were not there."),
    N_("Passwords as argon2id values, links in letters as check values only, sessions that can be ended."),
    N_("Limits on tries by account and by network."),
    N_("Encryption on the way (TLS) and of backups, if the operator gives a key."),
    N_("Every look of the team at a request and every change by administrators is written down."),
    N_("Logs hold row numbers only, never names, addresses or texts."),
    N_("No data go to third parties by pages; one strictly necessary cookie."),
    N_(
        "Deletion by terms without anybody's doing; erasures verified in every store and proved by a certificate."
    ),
    N_("A ledger of erasures outside the backups; after a restore they are carried out again."),
    N_("Legal holds need two administrators and end after six months at most, unless renewed."),
)

# Whose data a column holds, by the last step of its path. A new path must be put here; a test walks all columns.
_BY_PATH = {
    "self": EVERYBODY,
    "person_id": EVERYBODY,
    "requester_id": CUSTOMERS,
    "author_id": EVERYBODY,
    "actor_id": EVERYBODY,
    "assignee_id": TEAM,
    "owner_id": TEAM,
    "uploaded_by_id": TEAM,
    "excused_by_id": TEAM,
    "started_by_id": TEAM,
    "decided_by_id": TEAM,
    "proposed_by_id": TEAM,
    "confirmed_by_id": TEAM,
    "released_by_id": TEAM,
}
_OF_TEAM = frozenset(  # tables whose rows are the team's although their path says only "a person"
    {
        "grant",
        "team_member",
        "staff_access",
        "audit_entry",
        "blackout",
        "legal_text",
        "consent_text",
        "revision",
        "sla_policy_version",
        "sla_escalation_step",
        "what_if_run",
        "api_token",
    }
)


@dataclass(frozen=True, slots=True)
class DataGroup:
    """One table as far as it serves one purpose: what it is called, which kinds of data, their words, whose, how long,
    from where, and what becomes of the rows when the person is erased."""

    table: str
    label: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    persons: tuple[str, ...]
    terms: tuple[str, ...]
    sources: tuple[str, ...]
    fate: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One purpose with its legal basis and all that is held for it."""

    slug: str
    purpose: str
    basis: str
    data: tuple[DataGroup, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody outside who handles the data."""

    name: str
    purpose: str
    country: str
    contract_on: date | None


@dataclass(frozen=True, slots=True)
class Record:
    """The whole record."""

    activities: tuple[Activity, ...]
    recipients: tuple[Receiver, ...] = ()
    measures: tuple[str, ...] = field(default=MEASURES)


FATES = {
    RowFate.DELETE_ROW: N_("deleted with the account"),
    RowFate.KEEP_ROW: N_("made anonymous with the account"),
    RowFate.RESTRICT: N_("kept out of sight until the term ends"),
}


def whose(table: str, says: T, column: P) -> str | None:
    """Whose data a column holds: `CUSTOMERS`, `TEAM` or `EVERYBODY`; None where nobody's."""
    path = column.subject or says.subject
    if path is None:
        return None
    last = path.rpartition(".")[2]
    if last == "requester_id":
        return CUSTOMERS
    return TEAM if table in _OF_TEAM else _BY_PATH[last]


def record(recipients: Iterable[Receiver] = ()) -> Record:
    """The record as the models say it today."""
    held: dict[Purpose, list[DataGroup]] = {purpose: [] for purpose in Purpose}
    for one in tables():
        for purpose in Purpose:
            columns = [(column, says) for column, says in one.columns if says.purpose is purpose]
            if columns:
                held[purpose].append(_group(one.table.name, one.says, columns))
    return Record(
        tuple(
            Activity(purpose.slug, purpose.words, purpose.basis.value, tuple(held[purpose]))
            for purpose in Purpose
        ),
        tuple(recipients),
    )


def _group(table: str, says: T, columns: Sequence[tuple[Column[Any], P]]) -> DataGroup:
    return DataGroup(
        table=table,
        label=says.label or says.why,
        kinds=_once(KINDS[column.kind] for _, column in columns),
        columns=_once(column.label for _, column in columns if column.label),
        persons=_once(
            PERSONS[found] for _, column in columns if (found := whose(table, says, column)) is not None
        ),
        terms=_once(term.words for _, column in columns for term in column.retain),
        sources=_once(column.source.value for _, column in columns if isinstance(column.source, Source)),
        fate=FATES[says.on_erase],
    )


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


# --- as text -----------------------------------------------------------------------------------------------------------


def as_json(found: Record, say: Say) -> str:
    """The record as JSON, in the language of `say`."""
    plain = {
        "activities": [
            {
                "purpose": say(one.purpose),
                "legal_basis": _article(one, say),
                "data": [
                    {
                        "name": say(group.label),
                        "table": group.table,
                        "categories": _said(group.kinds, say),
                        "details": _said(group.columns, say),
                        "persons": _said(group.persons, say),
                        "source": _said(group.sources, say),
                        "retention": _said(group.terms, say),
                        "after_erasure": say(group.fate),
                    }
                    for group in one.data
                ],
            }
            for one in found.activities
        ],
        "recipients": [
            {
                "name": one.name,
                "purpose": one.purpose,
                "country": one.country,
                "contract_on": one.contract_on.isoformat() if one.contract_on else None,
            }
            for one in found.recipients
        ],
        "measures": _said(found.measures, say),
    }
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def as_markdown(found: Record, say: Say) -> str:
    """The record as Markdown, in the language of `say`."""
    return "\n".join(_markdown(found, say)) + "\n"


def _markdown(found: Record, say: Say) -> Iterator[str]:
    yield f"# {say(N_('Record of processing activities'))}"
    yield ""
    yield say(N_("Made from what stands beside every column of the database (Art. 30 GDPR)."))
    for one in found.activities:
        yield from ("", f"## {say(one.purpose)}", "", f"{say(N_('Legal basis'))}: {_article(one, say)}", "")
        if not one.data:
            yield say(N_("Name and email address of the account, as long as the consent lasts."))
            continue
        heads = ("Data", "Categories", "Persons", "How long", "When the person is erased")
        yield _row(say(head) for head in heads)
        yield _row("---" for _ in heads)
        for group in one.data:
            details = f" ({', '.join(_said(group.columns, say))})" if group.columns else ""
            yield _row(
                (
                    f"{say(group.label)}{details}",
                    ", ".join(_said(group.kinds, say)),
                    ", ".join(_said(group.persons, say)) or "–",
                    "; ".join(_said(group.terms, say)),
                    say(group.fate),
                )
            )
    yield from ("", f"## {say(N_('Recipients'))}", "")
    for receiver in found.recipients:
        yield f"- {receiver.name}, {receiver.country}: {receiver.purpose}"
    if not found.recipients:
        yield say(N_("The operator lists them in the administration; none are listed here."))
    yield from ("", f"## {say(N_('Technical and organisational measures'))}", "")
    yield from (f"- {words}" for words in _said(found.measures, say))


def staff_sheet(say: Say) -> str:
    """What is held about members of the team, for a works council, as Markdown."""
    return "\n".join(_staff(say)) + "\n"


def _staff(say: Say) -> Iterator[str]:
    yield f"# {say(N_('What is held about members of the team'))}"
    yield ""
    yield say(N_("For works councils: every sort of data by which the work of a person could be seen."))
    yield ""
    yield say(N_("No page ranks persons or compares them. Reports count teams, types and weeks."))
    yield ""
    heads = ("Data", "Details", "Why", "How long", "When the person leaves")
    yield _row(say(head) for head in heads)
    yield _row("---" for _ in heads)
    for held in tables():
        rows = [(c, p) for c, p in held.columns if whose(held.table.name, held.says, p) in (TEAM, EVERYBODY)]
        if rows:
            group = _group(held.table.name, held.says, rows)
            purposes = _once(p.purpose.words for _, p in rows if p.purpose)
            yield _row(
                (
                    say(group.label),
                    ", ".join(_said(group.columns or group.kinds, say)),
                    "; ".join(_said(purposes, say)),
                    "; ".join(_said(group.terms, say)),
                    say(group.fate),
                )
            )


def _article(one: Activity, say: Say) -> str:
    return say(N_("Art. %(article)s GDPR")) % {"article": one.basis}


def _said(words: Iterable[str], say: Say) -> list[str]:
    return [say(word) for word in words]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


# Heads of the tables, marked for translation.
_ = (
    N_("Data"),
    N_("Categories"),
    N_("Persons"),
    N_("How long"),
    N_("When the person is erased"),
    N_("Details"),
    N_("Why"),
    N_("When the person leaves"),
)
