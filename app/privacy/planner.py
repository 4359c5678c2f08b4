"""What an erasure deletes, makes anonymous, keeps or restricts: one plan for preview, letter, execution and certificate.

Pure: facts and today's date in, a plan out. It must not know a table or a session. Terms: HGB section 257(4)(5), AO
section 147(3)(4) (six years for business letters, eight for receipts, from the end of the calendar year); GDPR Art.
17(3), BDSG section 35(3) (restriction where a statute demands keeping).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

DELETE, ANONYMISE, KEEP, RESTRICT = "delete", "anonymise", "keep", "restrict"
STATUTORY_YEARS = {"trade_letter": 6, "receipt": 8}
PROOF_YEARS = 3  # BGB sections 195, 199: who changed what, and what was done on a person's request
HOLD, FIGURES, AUDIT, PROOF, ASKED, OPEN_TICKET, OPERATOR = (
    "hold",
    "figures",
    "audit",
    "proof",
    "asked",
    "open_ticket",
    "operator",
)


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold in force: its ground as the person is told, and the day it is looked at again."""

    ground: str
    review_on: date


@dataclass(frozen=True, slots=True)
class TicketFact:
    """One request with something of hers in it. `key` is its public id, `last_day` the day it was closed, else of its
    last change. `mine`: she is its requester. `texts` and `files` are the numbers that an erasure would empty and
    delete; `messages` are the public ids of her messages in a request of somebody else."""

    key: str
    retention: str
    last_day: date
    mine: bool = True
    is_open: bool = False
    texts: int = 0
    files: int = 0
    hold: Hold | None = None
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowFact:
    """One table with rows of hers: its name, what its classification says (`delete`, `anonymise`, `keep`), why a row is
    kept, and how many there are."""

    table: str
    action: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan depends on. `scope` is person, ticket, message or file; `key` names it."""

    scope: str
    key: str
    tickets: tuple[TicketFact, ...] = ()
    rows: tuple[RowFact, ...] = ()
    hold: Hold | None = None
    stores: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One group of the plan: what happens to how many, why, and for kept ones until when (the last day)."""

    group: str
    action: str
    count: int
    reason: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan. `delete` and `restrict` name tickets, `texts` messages of hers in other people's tickets, `files`
    storage keys (scope file). `held` says that a case holds everything back."""

    on: date
    scope: str
    key: str
    lines: tuple[Line, ...]
    delete: tuple[str, ...] = ()
    restrict: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    held: bool = False

    @property
    def digest(self) -> str:
        """The hash that stands in the ledger and on the certificate."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The plan as it is kept: numbers, codes, dates and public ids."""
        plain = asdict(self)
        plain["on"] = self.on.isoformat()
        plain["lines"] = [_line_json(line) for line in self.lines]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Plan:
        """The plan that was kept."""
        lines = lines_of(plain["lines"])
        lists = {name: tuple(plain[name]) for name in ("delete", "restrict", "texts")}
        values = {**plain, **lists, "on": date.fromisoformat(plain["on"]), "lines": lines}
        return cls(**values)

    @property
    def kept(self) -> tuple[Line, ...]:
        """What stays with a reference to the person, each with its reason and last day."""
        return tuple(line for line in self.lines if line.action in (KEEP, RESTRICT))

    @property
    def kept_until(self) -> date | None:
        """The last day on which a restricted request of hers is still kept; None where none is."""
        days = [line.until for line in self.lines if line.action == RESTRICT and line.until]
        return max(days, default=None)

    @property
    def total(self) -> int:
        """How many rows and files the plan touches, for the progress."""
        return sum(line.count for line in self.lines if line.action in (DELETE, ANONYMISE))


def lines_of(plain: Iterable[dict[str, Any]]) -> tuple[Line, ...]:
    """Lines as a plan or certificate keeps them."""
    return tuple(
        Line(**{**line, "until": date.fromisoformat(line["until"]) if line["until"] else None})
        for line in plain
    )


def _line_json(line: Line) -> dict[str, Any]:
    return {**asdict(line), "until": line.until.isoformat() if line.until else None}


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request, why, and for a kept one until when."""

    action: str
    reason: str
    until: date | None = None


def fate_of(ticket: TicketFact, today: date, *, person_hold: Hold | None = None) -> Fate:
    """Whether a request may be deleted today. A hold comes first, then the statute, then the person's wish."""
    until = statutory_end(ticket.retention, ticket.last_day)
    hold = person_hold or ticket.hold
    if hold is not None:
        return Fate(RESTRICT, f"{HOLD}.{hold.ground}", max(filter(None, (hold.review_on, until))))
    if until is not None and today <= until:
        return Fate(RESTRICT, ticket.retention, until)
    return Fate(DELETE, ASKED)


def statutory_end(retention: str, last_day: date) -> date | None:
    """The last day of the statutory term; None where no statute demands keeping."""
    years = STATUTORY_YEARS.get(retention)
    return None if years is None else date(last_day.year + years, 12, 31)


def proof_end(today: date) -> date:
    """The last day of what is kept as proof of today's doings."""
    return date(today.year + PROOF_YEARS, 12, 31)


def plan(facts: Facts, today: date) -> Plan:
    """The plan for these facts.

    Under a hold on the person nothing is deleted at all: her account stays closed and the request waits for the end
    of the case.
    """
    fates = [(ticket, fate_of(ticket, today, person_hold=facts.hold)) for ticket in facts.tickets]
    lines = [*_ticket_lines(fates), *_row_lines(facts, fates, today)]
    gone = [ticket for ticket, fate in fates if fate.action == DELETE]
    return Plan(
        on=today,
        scope=facts.scope,
        key=facts.key,
        lines=tuple(lines),
        delete=tuple(sorted(ticket.key for ticket in gone if ticket.mine)),
        restrict=tuple(sorted(t.key for t, fate in fates if fate.action == RESTRICT and t.mine)),
        texts=tuple(sorted(key for ticket in gone if not ticket.mine for key in ticket.messages)),
        held=facts.hold is not None,
    )


def _ticket_lines(fates: Iterable[tuple[TicketFact, Fate]]) -> list[Line]:
    """Lines for requests, texts and files, one for each reason and end."""
    sums: dict[tuple[str, str, str, date | None], int] = {}

    def add(group: str, fate: Fate, count: int, action: str = "", reason: str = "") -> None:
        if count:
            key = (group, action or fate.action, reason or fate.reason, fate.until)
            sums[key] = sums.get(key, 0) + count

    for ticket, fate in fates:
        if ticket.mine:  # the numbers of a request stay for the figures, without a person
            add("tickets", fate, 1)
            if ticket.is_open and fate.action == DELETE:
                add("open_tickets", fate, 1, DELETE, OPEN_TICKET)
        add("texts" if ticket.mine else "texts_elsewhere", fate, ticket.texts)
        add("files", fate, ticket.files)
    order = ("tickets", "open_tickets", "texts", "texts_elsewhere", "files")
    rows = [Line(group, action, count, why, until) for (group, action, why, until), count in sums.items()]
    return sorted(rows, key=lambda line: (order.index(line.group), line.action, line.reason, str(line.until)))


def _row_lines(facts: Facts, fates: Iterable[tuple[TicketFact, Fate]], today: date) -> list[Line]:
    if facts.hold is not None:
        held = Fate(RESTRICT, f"{HOLD}.{facts.hold.ground}", facts.hold.review_on)
        return [
            Line(f"table.{row.table}", RESTRICT, row.count, held.reason, held.until)
            for row in facts.rows
            if row.count
        ]
    lines = [
        Line(
            f"table.{row.table}",
            row.action,
            row.count,
            row.reason,
            proof_end(today) if row.action == KEEP else None,
        )
        for row in facts.rows
        if row.count
    ]
    ends = [fate for ticket, fate in fates if fate.action == RESTRICT and ticket.mine]
    if ends and facts.scope == "person":  # a business letter without its sender is none
        longest = max(ends, key=lambda fate: fate.until or date.max)
        lines.append(Line("identity", RESTRICT, 1, longest.reason, longest.until))
    return [*lines, *(Line(f"store.{name}", DELETE, 0, ASKED) for name in facts.stores)]
