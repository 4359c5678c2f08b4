"""Where admins keep the promised times: the order, the terms and their versions, and what a change means for open tickets."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy import select

from app.access import needs
from app.accounts.models import Segment
from app.errors import Conflict, NotVisible, Refused
from app.i18n import language, say
from app.now import now
from app.sla import policy_keeping
from app.sla import terms as sla_terms
from app.sla.models import METRICS, BusinessCalendar, SlaPolicy
from app.sla.policy_keeping import newest_version
from app.sla.terms import Terms
from app.sla.written import written_length
from app.tickets import labels, policy_edits, policy_reading, queries
from app.tickets.models import RequestType
from app.tickets.policy_forms import filled, policy_form, steps_wanted, terms_of
from app.tickets.policy_reading import URGENT_FIRST
from app.web import commit, db, portal, release, see

bp = Blueprint("policies", __name__)

BASE = "/admin/sla-policies"


def words() -> dict[str, Any]:
    """What every page of promises needs to say them."""
    return {
        "labels": labels,
        "length": written_length,
        "metrics": METRICS,
        "priorities": URGENT_FIRST,
        "WARNING": sla_terms.WARNING,
        "target_field": sla_terms.target_field,
        "pause_field": sla_terms.pause_field,
        "step_field": sla_terms.step_field,
    }


# --- the order -----------------------------------------------------------------------------------------------------


@bp.get(BASE)
@needs("sla.edit")
def listing() -> str:
    listed = policy_reading.listing(db())
    return render_template(
        "admin/sla-policies/list.html",
        listed=listed,
        names=policy_reading.names(db(), [one.terms for one in listed]),
        **words(),
    )


@bp.post(f"{BASE}/<int:policy_id>/place")
@needs("sla.edit")
def place(policy_id: int) -> Any:
    by = {"up": -1, "down": 1}.get(request.form.get("to", ""), 0)
    if policy_keeping.move(db(), policy_id, by, actor_id=current_user.person_id, now=now()):
        commit()
        flash(gettext("The order holds for new tickets."), "ok")
    return see(BASE)


# --- the terms -----------------------------------------------------------------------------------------------------


@bp.route(f"{BASE}/new", methods=["GET", "POST"])
@needs("sla.edit")
def new() -> Any:
    return _edit(None)


@bp.route(f"{BASE}/<int:policy_id>", methods=["GET", "POST"])
@needs("sla.edit")
def edit(policy_id: int) -> Any:
    return _edit(policy_id)


@bp.post(f"{BASE}/new/preview")
@needs("sla.edit")
def preview_new() -> Any:
    return _preview(None)


@bp.post(f"{BASE}/<int:policy_id>/preview")
@needs("sla.edit")
def preview(policy_id: int) -> Any:
    return _preview(policy_id)


def _edit(policy_id: int | None) -> Any:
    policy, form, steps = _form(policy_id)
    if form.validate_on_submit():
        try:
            version = policy_edits.save(
                db(),
                policy_id,
                _terms(form, steps),
                apply=request.form.get("apply") == "1",
                actor_id=current_user.person_id,
                now=now(),
                gap=form.gap.data,
                based_on=_number(form.based_on.data),
            )
        except Refused as refused:
            release()
            form.refuse(refused)
            if isinstance(refused, Conflict):  # she has been told; what she sends now is meant
                form.based_on.data = str(refused.values["number"])
        else:
            commit()
            if version is None:
                flash(gettext("Nothing changed."), "info")
            else:
                flash(_saved_words(version.number, request.form.get("apply") == "1"), "ok")
            return see(BASE if version is None else f"{BASE}/{version.policy_id}/history")
    return _page(policy, form, steps), 422 if form.errors else 200


def _saved_words(number: int, applied: bool) -> Any:
    if applied:
        return gettext(
            "Version %(number)s holds for new tickets. Open ones follow in a moment.", number=number
        )
    return gettext("Version %(number)s holds for new tickets.", number=number)


def _preview(policy_id: int | None) -> Any:
    """The same page with what saving would mean for open tickets. Replays many, so it reads beside writers."""
    policy, form, steps = _form(policy_id)
    effects = None
    if form.validate_on_submit():
        release()
        with portal().database.session(write=False) as session:
            try:
                terms = _terms(form, steps, session)
                policy_edits.check_names(session, terms)
                policy_keeping.check(session, policy_id, terms)
                effects = policy_edits.foresee(
                    session, policy_id, terms, viewer=current_user._get_current_object(), now=now()
                )
            except Refused as refused:
                form.refuse(refused)
    return _page(policy, form, steps, effects), 422 if form.errors else 200


def _form(policy_id: int | None) -> tuple[SlaPolicy | None, Any, int]:
    """The policy, its form as it stands or was sent, and the number of its rows of steps."""
    policy, terms, number = None, None, None
    if policy_id is not None:
        policy = db().get(SlaPolicy, policy_id)
        version = newest_version(db(), policy_id)
        terms, number = policy_keeping.terms_of(db(), version), version.number
    steps = steps_wanted(terms, request.form)
    calendars = db().execute(
        select(BusinessCalendar.id, BusinessCalendar.name).order_by(BusinessCalendar.name)
    )
    segments = db().execute(select(Segment.id, Segment.name).order_by(Segment.name))
    kinds = db().execute(
        select(RequestType.id, RequestType.name).order_by(RequestType.position, RequestType.id)
    )
    make = policy_form(
        calendars=_choices(calendars),
        people=_choices(queries.assignable(db())),
        topics={str(key): _localised(name) for key, name in kinds},
        segments=_choices(segments),
        steps=steps,
    )
    start = terms or _suggested()
    lines = policy_reading.organisation_lines(db(), map(int, start.conditions.get("organisation", ())))
    return policy, make(data=filled(start, lines, number)), steps


def _suggested() -> Terms:
    """A new promise begins as the present first one does, without its conditions."""
    listed = policy_reading.listing(db())
    calendar_id = listed[-1].terms.calendar_id if listed else 0
    targets = listed[-1].terms.targets if listed else {}
    return Terms("", calendar_id, targets)


def _terms(form: Any, steps: int, session: Any = None) -> Terms:
    lines = form.organisations.data or ""
    found = policy_reading.organisations_named(session or db(), lines, "organisations")
    return terms_of(form, found, steps)


def _page(policy: SlaPolicy | None, form: Any, steps: int, effects: Any = None) -> str:
    return render_template(
        "admin/sla-policies/edit.html", policy=policy, form=form, steps=steps, effects=effects, **words()
    )


@bp.get(f"{BASE}/<int:policy_id>/history")
@needs("sla.edit")
def history(policy_id: int) -> str:
    policy = _policy(policy_id)
    steps, names = policy_reading.history(db(), policy_id)
    return render_template(
        "admin/sla-policies/history.html", policy=policy, steps=steps, names=names, **words()
    )


# --- on, off, gone ---------------------------------------------------------------------------------------------------


@bp.route(f"{BASE}/<int:policy_id>/state", methods=["GET", "POST"])
@needs("sla.edit")
def state(policy_id: int) -> Any:
    policy, refusal = _policy(policy_id), None
    if request.method == "POST":
        wanted, applied = request.form.get("to") == "on", request.form.get("apply") == "1"
        try:
            changed = policy_edits.switch(
                db(),
                policy_id,
                wanted,
                apply=applied,
                actor_id=current_user.person_id,
                now=now(),
                gap=request.form.get("gap") == "1",
            )
        except Refused as refused:
            refusal = say(refused)
            release()
            policy = _policy(policy_id)
        else:
            commit()
            if changed:
                flash(_switched_words(wanted, applied), "ok")
            return see(BASE)
    return _state_page(policy, refusal), 422 if refusal else 200


def _switched_words(enabled: bool, applied: bool) -> Any:
    if applied:
        return gettext("Switched. Open tickets follow in a moment.")
    if enabled:
        return gettext("The promise holds for new tickets.")
    return gettext("New tickets fall under other promises. Open ones keep what they were promised.")


def _state_page(policy: SlaPolicy, refusal: str | None) -> str:
    version = newest_version(db(), policy.id)
    terms = None if policy.enabled else policy_keeping.terms_of(db(), version)
    viewer = current_user._get_current_object()
    policies = policy_keeping.in_order(db())
    return render_template(
        "admin/sla-policies/state.html",
        policy=policy,
        refusal=refusal,
        used=policy_edits.in_use(db(), policy.id),
        gap=policy.enabled and not policy.conditions and policy_keeping.leaves_gap(policies, policy),
        effects=policy_edits.foresee(db(), policy.id, terms, viewer=viewer, now=now()),
        **words(),
    )


@bp.post(f"{BASE}/<int:policy_id>/deletion")
@needs("sla.edit")
def deletion(policy_id: int) -> Any:
    gap = request.form.get("gap") == "1"
    try:
        policy_edits.remove(db(), policy_id, actor_id=current_user.person_id, now=now(), gap=gap)
    except Refused as refused:
        release()
        return _state_page(_policy(policy_id), say(refused)), 422
    commit()
    flash(gettext("The promise was deleted."), "ok")
    return see(BASE)


def _policy(policy_id: int) -> SlaPolicy:
    policy = db().get(SlaPolicy, policy_id)
    if policy is None:
        raise NotVisible
    return policy


def _choices(rows: Any) -> dict[str, str]:
    return {str(key): name for key, name in rows}


def _localised(name: dict[str, str]) -> str:
    return name.get(language()) or next(iter(name.values()), "")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
