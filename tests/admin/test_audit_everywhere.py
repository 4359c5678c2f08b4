"""Every POST below /admin that changes something writes its audit entry in the same transaction.

The table says how each route is called for a real change. A route that is missing there fails; so does one whose change
survives while its audit entry does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask, flash
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit, letters, outbox, preferences
from app.access import needs
from app.accounts import invitations, organisations, people, teams
from app.accounts.models import MANAGER, Organisation
from app.accounts.queries import viewer_of_person
from app.accounts.tokens import LinkRules
from app.admin.letter_views import BY_NAME
from app.articles import categories, glossary, synonyms
from app.articles.glossary import TermText
from app.db import Base
from app.now import now
from app.privacy import export, holds, recipients
from app.privacy import service as privacy
from app.privacy.models import PrivacyRequest
from app.sla import calendar_keeping as keeping
from app.sla import policy_keeping
from app.sla import service as sla_service
from app.sla.models import BusinessCalendar, CalendarException
from app.sla.terms import Terms
from app.tickets import opening, types
from app.tickets.messages import File
from app.tickets.models import FIRST_NUMBER, Attachment, Message, Ticket
from app.web import commit, csrf, db, see
from tests import factories
from tests.articles.makers import door, published
from tests.privacy import conversation as talk
from tests.tickets.conftest import RULES, request

RECIPIENT = {
    "name": "Host Ltd",
    "purpose-de": "Hosting",
    "purpose-en": "Hosting",
    "country": "Germany",
    "contract_on": "2026-01-01",
}


@dataclass(frozen=True)
class Call:
    """How a route is called: what is sent, and which row numbers stand in its address (the world's by default).

    `keeps` names the only tables that may change for a route that is no change of the administration's: an empty
    tuple for a preview, ("draft",) for one's own unsent text. None: a real change, with an audit entry.
    """

    data: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)
    keeps: tuple[str, ...] | None = None
    after: str = ""  # a route whose call comes before: its page leads here


ARTICLE = {
    "based_on": 1,
    "title": "Changed",
    "slug": "first",
    "category_id": 0,
    "audience": "public",
    "body": "New.",
}
TERM = {"lang": "en", "term": "Churn", "definition": "People leave.", "also": "", "related": ""}
CATEGORY = {"name-de": "Neu", "name-en": "New", "slug": "new", "parent_id": 0, "position": 5}
REQUEST_TYPE = {
    "name-de": "Rechnung",
    "name-en": "Invoice",
    "team_id": "",
    "priority": "normal",
    "retention": "receipt",
    "position": 5,
    "active": "y",
}
SOON = (now() + timedelta(days=30)).date()
WEEK = {"name": "Standard", "time_zone": "Europe/Berlin", "valid_from": "2026-12-01", "monday": "8-12, 13-17"}
PROMISE = {
    "name": "Changed",
    "calendar_id": "calendar_id",
    "channels": ["phone"],
    "resolution_high": "8 h",
    "resolution_high_warning": "90 min",
    "pause_resolution": ["pending"],
    "on_reopen": "resume",
    "step0": "notify:lead",
    "step0_metric": "resolution",
    "step0_time": "1:30",
    "step0_side": "before",
    "step0_working_hours": "y",
}

ROUTES: dict[str, Call] = {
    "/admin/articles/new": Call({**ARTICLE, "slug": "", "lang": "en"}),
    "/admin/articles/<int:article_id>/<text_lang>": Call(ARTICLE),
    "/admin/articles/<int:article_id>/<text_lang>/state": Call({"to": "archived"}),
    "/admin/articles/<int:article_id>/<text_lang>/draft": Call({"title": "Half"}, keeps=("draft",)),
    "/admin/articles/new/draft": Call({"title": "Half"}, keeps=("draft",)),
    "/admin/articles/preview": Call({"body": "**Hi**"}, keeps=()),
    "/admin/categories/new": Call(CATEGORY),
    "/admin/categories/<int:category_id>": Call(CATEGORY),
    "/admin/categories/<int:category_id>/deletion": Call(),
    "/admin/glossary/new": Call(TERM),
    "/admin/glossary/<int:term_id>": Call({**TERM, "term": "Lead", "definition": "Changed."}),
    "/admin/glossary/<int:term_id>/deletion": Call(),
    "/admin/legal/<page>/<lang>": Call({"body": "Our text.", "based_on": 0}),
    "/admin/legal/preview": Call({"body": "**Hi**"}, keeps=()),
    "/admin/mail-templates/<name>": Call({"subject-en": "Mine"}),
    "/admin/mail-templates/<name>/preview/<lang>": Call({"subject-en": "Mine"}, keeps=()),
    "/admin/mail-templates/<name>/reset": Call(where={"name": "accounts.invitation"}),
    "/admin/calendars/new": Call({**WEEK, "name": "Night shift"}),
    "/admin/calendars/<int:calendar_id>/hours": Call(WEEK),
    "/admin/calendars/<int:calendar_id>/closings": Call(
        {"closing-first": "2026-12-24", "closing-last": "2026-12-31", "closing-reason": "Company holidays"}
    ),
    "/admin/calendars/<int:calendar_id>/days": Call(
        {"day-day": "2026-12-23", "day-hours": "9-12", "day-reason": "Half day"}
    ),
    "/admin/calendars/<int:calendar_id>/exceptions/<int:exception_id>/deletion": Call(),
    "/admin/calendars/<int:calendar_id>/proposals": Call({"holiday-region": "AT", "holiday-year": "2027"}),
    "/admin/calendars/<int:calendar_id>/review": Call({"holiday": "1", "year": "2026"}),
    "/admin/calendars/<int:calendar_id>/deletion": Call(where={"calendar_id": "spare_calendar_id"}),
    "/admin/sla-policies/new": Call(PROMISE),
    "/admin/sla-policies/new/preview": Call(PROMISE, keeps=()),
    "/admin/sla-policies/<int:policy_id>": Call({**PROMISE, "based_on": "1", "apply": "1"}),
    "/admin/sla-policies/<int:policy_id>/preview": Call({**PROMISE, "based_on": "1"}, keeps=()),
    "/admin/sla-policies/<int:policy_id>/place": Call({"to": "down"}),
    "/admin/sla-policies/<int:policy_id>/state": Call({"to": "off", "apply": "1"}),
    "/admin/sla-policies/<int:policy_id>/deletion": Call(),
    "/admin/privacy/new": Call({"kind": "restriction", "email": "pia-asks@example.org"}),
    "/admin/privacy/people/<public_id>/deletion": Call({"note": "By phone"}, {"public_id": "asking"}),
    "/admin/privacy/requests/<public_id>/<any(answer, refusal, extension):what>": Call(
        {"words": "Here it is."}, {"public_id": "access", "what": "answer"}
    ),
    "/admin/privacy/requests/<public_id>/former": Call({"former": "Lea Old"}, {"public_id": "leaving"}),
    "/admin/privacy/requests/<public_id>/lifting": Call(where={"public_id": "in_force"}),
    "/admin/privacy/tickets/<int:number>": Call(
        {"reason": "claim"}, {"number": "ticket_number"}, keeps=("audit_entry",)
    ),
    "/admin/privacy/tickets/<int:number>/retention": Call(
        {"value": "trade_letter"}, {"number": "ticket_number"}
    ),
    "/admin/privacy/messages/<key>/correction": Call({"text": "It was Tuesday."}, {"key": "message_key"}),
    "/admin/privacy/recipients/new": Call(RECIPIENT),
    "/admin/privacy/recipients/<int:recipient_id>": Call({**RECIPIENT, "country": "Austria"}),
    "/admin/privacy/recipients/<int:recipient_id>/deletion": Call(),
    "/admin/privacy/consents/<any(survey, news):purpose>": Call(
        {"text-de": "Neu.", "text-en": "New.", "based_on": "1"}, {"purpose": "news"}
    ),
    "/admin/privacy/requests/<public_id>/copy": Call(where={"public_id": "access"}),
    "/admin/privacy/exports/<public_id>/notes/<key>": Call(
        {"decision": "withheld", "reason": "Says something about others."},
        {"public_id": "copied", "key": "note_key"},
    ),
    "/admin/privacy/exports/<public_id>/completion": Call(where={"public_id": "copied"}),
    "/admin/privacy/requests/<public_id>/retry": Call(where={"public_id": "erasure"}),
    "/admin/privacy/parts/<any(ticket, message, file):scope>/<key>": Call(
        where={"scope": "ticket", "key": "ticket_key"}
    ),
    "/admin/privacy/holds": Call(
        {"email": "pia-asks@example.org", "ground": "dispute", "reason": "Court", "review_on": str(SOON)}
    ),
    "/admin/privacy/holds/<public_id>/confirmation": Call(where={"public_id": "proposed"}),
    "/admin/privacy/holds/<public_id>/release": Call(where={"public_id": "confirmed"}),
    "/admin/privacy/holds/<public_id>/review": Call(
        {"review_on": str(SOON + timedelta(days=1))}, {"public_id": "confirmed"}
    ),
    "/admin/privacy/find": Call({"q": "Pia"}, keeps=("draft", "audit_entry")),
    "/admin/privacy/find/end": Call(keeps=("draft",)),
    "/admin/privacy/blackout": Call(
        {"passage": "Water runs out.", "reason": "Names somebody"}, keeps=("draft",)
    ),
    "/admin/privacy/blackout/places": Call({"places": "place"}, after="/admin/privacy/blackout"),
    "/admin/privacy/files/<int:attachment_id>/blackout": Call({"reason": "Shows somebody"}),
    "/admin/request-types/new": Call(REQUEST_TYPE),
    "/admin/request-types/<int:type_id>": Call({**REQUEST_TYPE, "priority": "high"}),
    "/admin/request-types/<int:type_id>/deletion": Call(),
    "/admin/organisations/new": Call({"name": "New company"}),
    "/admin/organisations/<int:organisation_id>": Call({"name": "Renamed", "slug": "renamed"}),
    "/admin/organisations/<int:organisation_id>/members": Call(
        {"email": "new@example.org", "role": "member"}
    ),
    "/admin/organisations/<int:organisation_id>/members/<int:person_id>/removal": Call(),
    "/admin/organisations/<int:organisation_id>/members/<int:person_id>/role": Call({"role": "colleague"}),
    "/admin/organisations/<int:organisation_id>/invitations/<int:token_id>/withdrawal": Call(),
    "/admin/people/new": Call({"name": "New", "email": "new@example.org", "language": "en"}),
    "/admin/people/<int:person_id>": Call(
        {"name": "Renamed", "email": "renamed@example.org", "language": "de"}
    ),
    "/admin/people/<int:person_id>/roles": Call({"roles": ["agent"]}),
    "/admin/people/<int:person_id>/closure": Call(),
    "/admin/people/<int:person_id>/reopening": Call(where={"person_id": "closed_id"}),
    "/admin/people/<int:person_id>/link": Call(),
    "/admin/people/<int:person_id>/memberships/<int:organisation_id>/removal": Call(),
    "/admin/searches/draft": Call({"lang": "en", "text": "cancel my plan"}),
    "/admin/settings": Call({"period_reset_minutes": 45}),
    "/admin/synonyms/new": Call({"lang": "en", "words": "fee, charge"}),
    "/admin/synonyms/<int:group_id>": Call({"words": "plan, tariff, contract"}),
    "/admin/synonyms/<int:group_id>/deletion": Call(),
    "/admin/synonyms/stop-words/<lang>": Call({"words": "Acme"}),
    "/admin/system/jobs/<int:job_id>/retry": Call(),
    "/admin/system/jobs/retry": Call(),
    "/admin/teams/new": Call({"name": "Second level"}),
    "/admin/teams/<int:team_id>": Call({"name": "Renamed"}),
    "/admin/teams/<int:team_id>/deletion": Call(),
    "/admin/teams/<int:team_id>/members": Call({"person_id": "free_agent_id"}),
    "/admin/teams/<int:team_id>/members/<int:person_id>/removal": Call(where={"person_id": "agent_id"}),
}


def posts(app: Flask) -> set[str]:
    """All routes below /admin that take POST."""
    rules = app.url_map.iter_rules()
    return {str(rule) for rule in rules if "POST" in (rule.methods or ()) and str(rule).startswith("/admin")}


@pytest.fixture
def world(app: Flask) -> dict[str, Any]:
    """Something to change for every route: row numbers by the name they have in addresses."""
    with app.extensions["portal"].database.session(write=True) as session:
        given: dict[str, Any] = {"actor_id": None, "now": now()}
        person, agent = factories.person(session, name="Pia"), factories.person(session, "agent", name="Ali")
        free, closed, boss = (factories.person(session, role) for role in ("agent", "customer", "customer"))
        people.close(session, closed.id, **given)
        company = organisations.create(session, name="Company", slug="", **given)
        for one in (boss, person):
            organisations.add_member(session, company.id, one.email, MANAGER, **given)
        rules = LinkRules.of(preferences.Preferences.read(session), app.extensions["portal"].secret_key)
        token = invitations.invite_to(
            session, company.id, "guest@example.org", "member", language=None, rules=rules, **given
        )
        assert token is not None
        team = teams.create(session, "First level", **given)
        teams.add_member(session, team.id, agent.id, **given)
        text = published(session, "First", lang="en", slug="first")
        names = {"de": "Alt", "en": "Old"}
        category = categories.add(
            session, names=names, descriptions={}, slug="old", parent_id=None, position=1, **given
        )
        term = glossary.save(session, None, "en", TermText("Lead", "Somebody interested."), door=door())
        group = synonyms.save(session, None, "en", ("plan", "tariff"), door=door())
        job = outbox.put(session, "x.y", run_at=now())
        job.state = outbox.FAILED
        letters.change(session, BY_NAME["accounts.invitation"], {"en": "Come in"}, {}, **given)
        kind = types.add(
            session,
            types.Values({"de": "Alt", "en": "Old"}, {}, None, "normal", "ticket_support", 1, True),
            **given,
        )
        sla_service.ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        calendar_id = session.scalars(select(BusinessCalendar.id)).one()
        keeping.propose_holidays(session, calendar_id, "DE", "HE", 2026, language="en", **given)
        keeping.close(session, calendar_id, date(2026, 5, 15), date(2026, 5, 15), "Bridge day", **given)
        week = keeping.Week("Spare", "Europe/Zurich", date(2026, 1, 1), (((540, 1020),),) * 7)
        spare = keeping.save_calendar(session, None, week, **given)
        targets = {("first_response", "normal"): (60, 0)}
        terms = Terms("For some", calendar_id, targets, {"channel": ["mail"]})
        promise = policy_keeping.save(session, None, terms, **given)
        assert promise is not None
        own = select(CalendarException.id).where(CalendarException.source == "manual")
        made = {
            **private(session),
            "calendar_id": calendar_id,
            "spare_calendar_id": spare.id,
            "policy_id": promise.policy_id,
            "exception_id": session.scalars(own).one(),
            "type_id": kind.id,
            "person_id": person.id,
            "agent_id": agent.id,
            "free_agent_id": free.id,
            "closed_id": closed.id,
            "organisation_id": company.id,
            "token_id": token.id,
            "team_id": team.id,
            "article_id": text.article_id,
            "category_id": category.id,
            "term_id": term.id,
            "group_id": group.id,
            "job_id": job.id,
        }
        session.commit()
    return {**made, "lang": "en", "text_lang": "en", "page": "imprint", "name": "accounts.reset_password"}


def private(session: Session) -> dict[str, Any]:
    """What the pages of data protection work on: a person who asks, her request with a file, holds, cases."""
    asking = factories.person(session, name="Pia Asks", email="pia-asks@example.org")
    other = factories.person(session, "admin", name="Olga Second")
    viewer = viewer_of_person(session, asking.id)
    assert viewer is not None
    stored = File("0" * 32, "photo.png", "image/png", 3, "0" * 64)
    sent = opening.open_ticket(session, request(files=(stored,)), viewer=viewer, rules=RULES, now=now())
    given: dict[str, Any] = {"reason": "Court", "ground": "dispute", "review_on": SOON, "now": now()}
    about = {"address": factories.person(session, email="in-dispute@example.org").email}
    proposed = holds.propose(session, **about, **given, actor_id=other.id)
    confirmed = holds.propose(session, **about, **given, actor_id=asking.id)
    holds.confirm(session, confirmed.public_id, actor_id=other.id, now=now())
    rules = LinkRules.of(preferences.Preferences.read(session), "s" * 32)
    started: dict[str, Any] = {
        "note": "",
        "rules": rules,
        "grace": timedelta(days=7),
        "actor_id": other.id,
        "now": now(),
    }
    access = privacy.start(session, "access", asking.email, **started)
    leaving = factories.person(session, email="leaving@example.org")
    erasure = privacy.start(session, "erasure", leaving.email, **started)
    erasure.state = "failed"
    going = factories.person(session, email="going@example.org")
    waiting = privacy.start(session, "erasure", going.email, **started)
    limited = privacy.start(session, "restriction", other.email, **started)
    privacy.answer(session, limited.id, "Restricted.", actor_id=other.id, now=now())
    host = recipients.save(
        session, None, name="Host", purpose={"de": "Betrieb", "en": "Hosting"}, country="Germany",
        contract_on=None, actor_id=other.id, now=now(),
    )  # fmt: skip
    session.flush()
    job = session.get_one(outbox.Job, erasure.job_id)
    job.state = outbox.FAILED
    ticket = session.get_one(Ticket, sent.ticket_id)
    return {
        **copied(session, other.id),
        "asking": asking.public_id,
        "access": access.public_id,
        "erasure": erasure.public_id,
        "leaving": waiting.public_id,
        "in_force": limited.public_id,
        "recipient_id": host.id,
        "ticket_number": ticket.id + FIRST_NUMBER,
        "message_key": session.get_one(Message, sent.message_id).public_id,
        "proposed": proposed.public_id,
        "confirmed": confirmed.public_id,
        "ticket_key": ticket.public_id,
        "place": f"message.{sent.message_id}.body",
        "attachment_id": session.scalars(select(Attachment.id)).one(),
    }


def copied(session: Session, officer_id: int) -> dict[str, str]:
    """Somebody's copy is ready; a note about her is held back in it."""
    person = factories.person(session, email="copied@example.org")
    note = talk.message(session, talk.ticket(session, person), None, "A note.", public=False)
    copy = export.ask(session, person.id, lang="en", actor_id=officer_id, now=now())
    case = session.get_one(PrivacyRequest, copy.request_id)
    case.state, copy.state, copy.held_back = "open", "ready", 1
    return {"copied": case.public_id, "note_key": note.public_id}


def state_of(app: Flask) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with app.extensions["portal"].database.session(write=False) as session:
        return {
            table.name: [tuple(map(str, row)) for row in session.execute(select(table).order_by(table.c.id))]
            for table in Base.metadata.sorted_tables
            if table.name != "throttle"
        }


def call(app: Flask, browser: Any, world: dict[str, Any], rule: str, how: Call) -> Any:
    """Send what the table says, with the token of the settings page."""
    names = {**world, **{name: world.get(value, value) for name, value in how.where.items()}}
    adapter = app.url_map.bind("localhost")
    (found,) = [r for r in app.url_map.iter_rules() if str(r) == rule and "POST" in (r.methods or ())]
    address = adapter.build(found.endpoint, {name: names[name] for name in found.arguments}, method="POST")
    page = browser.visit("/admin/settings")
    held = {
        one.get("name"): one.get("value")
        for one in page.form().iter("input")
        if one.get("name") == "csrf_token" or rule == "/admin/settings"
    }
    if rule.startswith("/admin/mail-templates") and "based_on" not in how.data:
        form = browser.visit(f"/admin/mail-templates/{names['name']}").form("Save")
        held |= {one.get("name"): one.get("value") for one in form.iter("input")}
        held |= {one.get("name"): one.text for one in form.iter("textarea")}
    data = {
        name: world.get(value, value) if isinstance(value, str) else value for name, value in how.data.items()
    }
    return browser.post(address, data={**held, **data})


def check(app: Flask, browser: Any, world: dict[str, Any], rule: str, how: Call, monkeypatch: Any) -> None:
    """Fails unless the route does what the table says of it."""
    if how.after:
        call(app, browser, world, how.after, ROUTES[how.after])
    before = state_of(app)
    if how.keeps is None:
        with monkeypatch.context() as broken:  # without the entry there may be no change
            broken.setattr(audit, "record", _refuse)
            assert call(app, browser, world, rule, how).status_code == 500, f"{rule} writes no audit entry"
        assert changed(before, state_of(app)) == set(), f"{rule} keeps a change without its audit entry"
    answer = call(app, browser, world, rule, how)
    assert answer.status_code < 400, f"{rule}: {answer.status_code} {answer.text[:2000]}"
    touched = changed(before, state_of(app))
    if how.keeps is None:
        assert answer.status_code == 303, rule
        assert "audit_entry" in touched, f"{rule} writes no audit entry"
        assert touched != {"audit_entry"}, f"{rule} was called without a real change"
        newest = state_of(app)["audit_entry"][-1]
        assert str(browser.person_id) in newest, f"{rule}: the entry does not name the actor"
    else:
        assert touched <= set(how.keeps), f"{rule} changes {touched} without an audit entry"


def changed(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def _refuse(*_: Any, **__: Any) -> None:
    raise RuntimeError("no audit entry can be written")


def test_the_table_is_complete(app):
    assert posts(app) == set(ROUTES)


@pytest.mark.parametrize("rule", ROUTES)
def test_change_and_entry_are_one(app, admin, world, rule, monkeypatch):
    check(app, admin, world, rule, ROUTES[rule], monkeypatch)


# --- the check itself can fail ----------------------------------------------------------------------------------


def _rename(session: Any, organisation_id: int) -> Organisation:
    company = session.get_one(Organisation, organisation_id)
    company.name = "Sunk"
    return company


def _silent(organisation_id: int) -> Any:
    _rename(db(), organisation_id)
    commit()
    return see("/admin/")


def _in_two_transactions(organisation_id: int) -> Any:
    _rename(db(), organisation_id)
    commit()
    audit.record(
        db(), actor_id=1, action="organisation.edit", object_kind="organisation", object_id=1, at=now()
    )
    commit()
    return see("/admin/")


def _without_effect(organisation_id: int) -> Any:
    preferences.change(db(), "file_count", 11, actor_id=None, now=now())
    flash("Done")
    return see("/admin/")


@pytest.mark.parametrize("view", [_silent, _in_two_transactions, _without_effect])
def test_a_bad_route_is_found(app, admin, world, monkeypatch, view):
    rule = "/admin/organisations/<int:organisation_id>/sinking"
    app.add_url_rule(rule, "sink", csrf.exempt(needs("people.edit")(view)), methods=["POST"])
    assert posts(app) != set(ROUTES)
    with pytest.raises(AssertionError):
        check(app, admin, world, rule, Call(), monkeypatch)
