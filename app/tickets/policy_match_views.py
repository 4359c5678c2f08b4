"""Why a promise fits a ticket, or a request described by its facts, and why the ones before it do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from sqlalchemy import select
from wtforms import SelectField, StringField

from app.access import needs
from app.accounts.models import Segment
from app.errors import Refused
from app.forms import PortalForm, at_most
from app.i18n import language
from app.now import now
from app.sla import queries as sla
from app.sla.models import BusinessCalendar, SlaPolicyVersion
from app.tickets import labels, policy_reading, queries
from app.tickets.matching import Facts, facts_of
from app.tickets.models import RequestType, Ticket
from app.tickets.policy_admin_views import BASE, words
from app.tickets.policy_reading import URGENT_FIRST, Verdict
from app.web import db
from app.words import N_

bp = Blueprint("policy_match", __name__)


class MatchForm(PortalForm):
    """A ticket by its number, or the facts of a request. Sent by GET: asking changes nothing."""

    class Meta(PortalForm.Meta):
        csrf = False

    ticket = StringField(_("Ticket number"), [at_most(20)])
    organisation = StringField(_("Organisation"), [at_most(200)])
    segment = SelectField(_("Customer group"), validate_choice=False)
    request_type = SelectField(_("Topic"), validate_choice=False)
    channel = SelectField(_("How the request came"), validate_choice=False)
    tag = StringField(_("Tags"), [at_most(200)])
    priority = SelectField(_("Priority"), validate_choice=False)


@bp.get(f"{BASE}/match")
@needs("sla.edit")
def match() -> Any:
    form = _form()
    asked = bool(request.args)
    facts, ticket = None, None
    if asked and form.validate():
        try:
            ticket = _ticket(form.ticket.data or "")
            facts = facts_of(db(), ticket) if ticket is not None else _facts(form)
        except Refused as refused:
            form.refuse(refused)
    listed = policy_reading.listing(db())
    verdicts = policy_reading.verdicts(listed, facts) if facts else []
    fits = next((one for one in verdicts if one.outcome == "fits"), None)
    page = render_template(
        "admin/sla-policies/match.html",
        form=form,
        facts=facts,
        ticket=ticket,
        number=queries.number(ticket.id) if ticket is not None else None,
        verdicts=verdicts,
        fits=fits,
        in_force=_in_force(ticket),
        dues=_dues(fits, facts),
        names=policy_reading.names(db(), [one.terms for one in listed], facts),
        **words(),
    )
    return page, 422 if form.errors else 200


def _form() -> MatchForm:
    form = MatchForm(request.args)
    none = ("", gettext("none"))
    segments = db().execute(select(Segment.id, Segment.name).order_by(Segment.name))
    kinds = db().execute(
        select(RequestType.id, RequestType.name).order_by(RequestType.position, RequestType.id)
    )
    form.segment.choices = [none, *((str(key), name) for key, name in segments)]
    form.request_type.choices = [
        none,
        *((str(key), name.get(language()) or next(iter(name.values()), "")) for key, name in kinds),
    ]
    form.channel.choices = [(code, gettext(label)) for code, label in labels.CHANNEL.items()]
    form.priority.choices = [(code, gettext(labels.PRIORITY[code])) for code in URGENT_FIRST]
    form.channel.data = form.channel.data or "web"
    form.priority.data = form.priority.data or "normal"
    return form


def _ticket(number: str) -> Ticket | None:
    """The ticket with this number, among those the viewer sees on the desk. Raises `Refused`."""
    shown = number.strip().removeprefix("#")
    if not shown:
        return None
    known = shown.isascii() and shown.isdigit() and len(shown) < 16
    wanted = queries.ticket_id_of(int(shown)) if known else 0
    viewer = current_user._get_current_object()
    found: Ticket | None = db().scalar(select(Ticket).where(Ticket.id == wanted, queries.on_desk(viewer)))
    if found is None:
        raise Refused(N_("There is no ticket with the number %(number)s."), "ticket", number=shown)
    return found


def _facts(form: MatchForm) -> Facts:
    line = form.organisation.data or ""
    organisations = policy_reading.organisations_named(db(), line, "organisation")
    if form.priority.data not in labels.PRIORITY:
        raise Refused(N_("Choose a priority."), "priority")
    if form.channel.data not in labels.CHANNEL:
        raise Refused(N_("Choose how the request came."), "channel")
    segment, kind = (_one_of(form[name]) for name in ("segment", "request_type"))
    return Facts(
        priority=form.priority.data,
        channel=form.channel.data,
        request_type=kind,
        organisation=organisations[0] if organisations else None,
        segment=() if segment is None else (segment,),
        tag=tuple(
            " ".join(tag.split()).casefold() for tag in (form.tag.data or "").split(",") if tag.strip()
        ),
    )


def _one_of(field: Any) -> int | None:
    if not field.data:
        return None
    if field.data not in dict(field.choices):
        raise Refused(N_("Choose from the list."), field.name)
    return int(field.data)


def _in_force(ticket: Ticket | None) -> Any:
    """By which version a ticket counts now: its policy's id, its name then and its number."""
    if ticket is None or ticket.policy_version_id is None:
        return None
    return (
        db()
        .execute(
            select(SlaPolicyVersion.policy_id, SlaPolicyVersion.name, SlaPolicyVersion.number).where(
                SlaPolicyVersion.id == ticket.policy_version_id
            )
        )
        .first()
    )


def _dues(fits: Verdict | None, facts: Facts | None) -> list[tuple[str, int, datetime]]:
    """What a request sent now would be promised: metric, business minutes, and the instant on which it would be due if it began now."""
    if fits is None or facts is None:
        return []
    terms, moment = fits.listed.terms, now()
    row = db().get_one(BusinessCalendar, terms.calendar_id)
    calendar = sla.calendar(db(), row.id, row.version)
    found = []
    for (metric, priority), (minutes, _warn) in terms.targets.items():
        if priority == facts.priority:
            due = calendar.add(int(moment.timestamp()), minutes * 60)
            found.append((metric, minutes, datetime.fromtimestamp(due, UTC)))
    return sorted(found, key=lambda one: list(labels.METRIC).index(one[0]))
