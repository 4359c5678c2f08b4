"""Promises to read: what their conditions name, what changed from version to version, and why one of them fits.

Gives data in the order in which it is read; the words are the templates'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from app.accounts.models import Organisation, Person, Segment
from app.db import sort_key
from app.errors import Refused
from app.sla import policy_keeping
from app.sla.models import FACTS, METRICS, PRIORITIES, BusinessCalendar, SlaPolicy, SlaPolicyVersion
from app.sla.policy import Policy, Refusal, match_policy
from app.sla.terms import Terms
from app.tickets.matching import Facts
from app.tickets.models import RequestType
from app.words import N_

URGENT_FIRST = tuple(reversed(PRIORITIES))
NEWER = aliased(SlaPolicyVersion)
HISTORY = 50  # versions a page shows


@dataclass(frozen=True, slots=True)
class Names:
    """What rows are called that promises name by id; one that is gone is missing."""

    organisation: Mapping[int, str]
    segment: Mapping[int, str]
    request_type: Mapping[int, Mapping[str, str]]
    person: Mapping[int, str]
    calendar: Mapping[int, str]


def names(session: Session, terms: Iterable[Terms], facts: Facts | None = None) -> Names:
    """The names that these terms (and a request's facts) need. Two statements at most."""
    ids: dict[str, set[Any]] = {fact: set() for fact in FACTS}
    people, calendars = set[int](), set[int]()
    for one in terms:
        for fact, values in one.conditions.items():
            ids[fact] |= set(values)
        people |= {step.person_id for step in one.steps if step.person_id is not None}
        calendars.add(one.calendar_id)
    if facts is not None:
        ids["organisation"] |= {facts.organisation} - {None}
        ids["request_type"] |= {facts.request_type} - {None}
        ids["segment"] |= set(facts.segment)

    texts = (
        (Organisation, ids["organisation"]),
        (Segment, ids["segment"]),
        (Person, people),
        (BusinessCalendar, calendars),
    )
    found: dict[str, dict[int, str]] = {model.__tablename__: {} for model, _ in texts}
    parts = [
        select(literal(model.__tablename__), model.id, model.name).where(model.id.in_(wanted))
        for model, wanted in texts
        if wanted
    ]
    for table, key, name in session.execute(union_all(*parts)) if parts else ():
        found[table][key] = name
    kinds = select(RequestType.id, RequestType.name).where(RequestType.id.in_(ids["request_type"]))
    topics = {row.id: row.name for row in session.execute(kinds)} if ids["request_type"] else {}
    return Names(found["organisation"], found["segment"], topics, found["person"], found["business_calendar"])


class Listed(NamedTuple):
    """A policy in the order, with its newest version and what that says."""

    policy: SlaPolicy
    version: SlaPolicyVersion
    terms: Terms


def listing(session: Session) -> list[Listed]:
    """All policies in their order. Three statements."""
    later = exists().where(
        NEWER.policy_id == SlaPolicyVersion.policy_id, NEWER.number > SlaPolicyVersion.number
    )
    rows = session.execute(
        select(SlaPolicy, SlaPolicyVersion)
        .join(SlaPolicyVersion, SlaPolicyVersion.policy_id == SlaPolicy.id)
        .where(~later)
        .order_by(SlaPolicy.position, SlaPolicy.id)
    ).all()
    terms = policy_keeping.all_terms(session, [version for _, version in rows])
    return [Listed(policy, version, terms[version.id]) for policy, version in rows]


# --- from version to version ---------------------------------------------------------------------------------------


class Change(NamedTuple):
    """One difference: the part of the terms, which one of it, and its values before and after (None: nothing)."""

    part: str
    which: tuple[str, ...]
    before: Any
    after: Any


class Step(NamedTuple):
    """A version in the history: who saved it when, and what it changed (nothing for the first)."""

    number: int
    valid_from: datetime
    author: str | None
    changes: list[Change]


def history(session: Session, policy_id: int) -> tuple[list[Step], Names]:
    """The newest versions of a policy, the newest first, with what each changed, and the names for them."""
    rows = session.execute(
        select(SlaPolicyVersion, Person.name)
        .outerjoin(Person, Person.id == SlaPolicyVersion.author_id)
        .where(SlaPolicyVersion.policy_id == policy_id)
        .order_by(SlaPolicyVersion.number.desc())
        .limit(HISTORY + 1)
    ).all()
    terms = policy_keeping.all_terms(session, [version for version, _ in rows])
    steps = []
    for (version, author), before in zip(rows, [*[row[0] for row in rows[1:]], None], strict=True):
        differences = [] if before is None else changes(terms[before.id], terms[version.id])
        steps.append(Step(version.number, version.valid_from, author, differences))
    return steps[:HISTORY], names(session, terms.values())


def changes(before: Terms, after: Terms) -> list[Change]:
    """What differs between two terms, in the order of the form."""
    pairs = [
        ("name", (), before.name, after.name),
        ("calendar", (), before.calendar_id, after.calendar_id),
        *(
            ("condition", (f,), before.conditions.get(f) or None, after.conditions.get(f) or None)
            for f in FACTS
        ),
        *(
            (
                "target",
                (metric, priority),
                before.targets.get((metric, priority)),
                after.targets.get((metric, priority)),
            )
            for metric in METRICS
            for priority in URGENT_FIRST
        ),
        *(("pause", (metric,), before.pausing(metric), after.pausing(metric)) for metric in METRICS),
        ("on_reopen", (), before.on_reopen, after.on_reopen),
    ]
    found = [Change(*pair) for pair in pairs if pair[2] != pair[3]]
    found += [Change("step", (), step, None) for step in before.steps if step not in after.steps]
    found += [Change("step", (), None, step) for step in after.steps if step not in before.steps]
    return found


# --- why one fits ----------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """What was decided about a policy: `fits`, `refused` (for `why`), `off`, or `later` (an earlier one fits)."""

    listed: Listed
    outcome: str
    why: Refusal | None = None


def verdicts(policies: Sequence[Listed], facts: Facts) -> list[Verdict]:
    """Each policy in order, and what is decided about it for a request with these facts."""
    order = [
        Policy(one.policy.name, place, one.policy.conditions, one.policy.enabled)
        for place, one in enumerate(policies)
    ]
    place, refusals = match_policy(facts.as_mapping(), order)
    found = [
        Verdict(one, "off" if why.fact is None else "refused", why)
        for one, why in zip(policies, refusals, strict=False)
    ]
    if place is not None:
        found.append(Verdict(policies[len(refusals)], "fits"))
    return found + [Verdict(one, "later" if one.policy.enabled else "off") for one in policies[len(found) :]]


def concerned(session: Session, fact: str, value: int | str) -> list[SlaPolicy]:
    """The policies whose conditions name this value (an organisation, a topic), in order. One statement."""
    return [policy for policy in policy_keeping.in_order(session) if value in policy.conditions.get(fact, ())]


# --- organisations by name -------------------------------------------------------------------------------------------


def organisation_lines(session: Session, ids: Iterable[int]) -> list[str]:
    """Organisations as a person writes them, one each: by name, or by short name where two have the same name."""
    wanted = set(ids)
    if not wanted:
        return []
    found = session.execute(
        select(Organisation.name, Organisation.slug)
        .where(Organisation.id.in_(wanted))
        .order_by(Organisation.sort_name, Organisation.id)
    ).all()
    named = select(Organisation.name).where(Organisation.name.in_([row.name for row in found]))
    doubled = {name for name, number in Counter(session.scalars(named)).items() if number > 1}
    return [row.slug if row.name in doubled else row.name for row in found]


def organisations_named(session: Session, lines: str, field: str) -> list[int]:
    """The organisations of these lines, each a name or a short name. Raises `Refused` naming the line."""
    found = []
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        wanted = (Organisation.slug == line.lower()) | (Organisation.sort_name == sort_key(line))
        rows = session.execute(select(Organisation.id, Organisation.slug).where(wanted).limit(3)).all()
        exact = [row for row in rows if row.slug == line.lower()] or rows
        if not exact:
            raise Refused(N_("There is no organisation called “%(name)s”."), field, name=line)
        if len(exact) > 1:
            raise Refused(
                N_("Several organisations are called “%(name)s”. Enter the short name of one."),
                field,
                name=line,
            )
        found.append(exact[0].id)
    return found
