"""Where admins keep working hours, holidays and the promised times."""

from __future__ import annotations

import calendar as months
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy import select

from app import outbox
from app.access import needs
from app.errors import NotVisible, Refused
from app.i18n import language, say
from app.now import now
from app.sla import keeping, public_holidays, queries
from app.sla.calendar import BusinessCalendar
from app.sla.forms import WEEKDAYS, CalendarForm, ClosingForm, DayForm, HolidayForm, targets_form
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import CalendarException, SlaPolicy, SlaTarget
from app.web import commit, db, portal, release, see
from app.words import N_

bp = Blueprint("sla_admin", __name__)

COUNTRIES = {"DE": N_("Germany"), "AT": N_("Austria"), "CH": N_("Switzerland")}
PRIORITIES = {"urgent": N_("Urgent"), "high": N_("High"), "normal": N_("Normal"), "low": N_("Low")}
FIRST_DAY = date(1970, 1, 1)


@bp.get("/admin/calendars")
@needs("sla.edit")
def calendars() -> str:
    rows = db().execute(
        select(CalendarRow.id, CalendarRow.name, CalendarRow.time_zone, CalendarRow.holiday_subdiv).order_by(
            CalendarRow.name
        )
    )
    return render_template("admin/calendars/list.html", calendars=rows.all())


@bp.route("/admin/calendars/new", methods=["GET", "POST"])
@needs("sla.edit")
def new() -> Any:
    form = CalendarForm(time_zone=portal().timezone, valid_from=now().date())
    return _saved(form, None) or (_week_page(form, None), 422 if form.errors else 200)


@bp.get("/admin/calendars/<int:calendar_id>")
@needs("sla.edit")
def calendar(calendar_id: int) -> str:
    return _page(calendar_id)


@bp.route("/admin/calendars/<int:calendar_id>/hours", methods=["GET", "POST"])
@needs("sla.edit")
def hours(calendar_id: int) -> Any:
    row = _row(calendar_id)
    week = queries.spec(db(), calendar_id).weekly[-1]
    days = {name: keeping.written_hours(day) for name, day in zip(WEEKDAYS, week.days, strict=True)}
    form = CalendarForm(name=row.name, time_zone=row.time_zone, valid_from=now().date(), **days)
    return _saved(form, calendar_id) or (_week_page(form, row), 422 if form.errors else 200)


def _saved(form: CalendarForm, calendar_id: int | None) -> Any:
    """The answer to a saved week; None when it was not sent or was refused."""
    if not form.validate_on_submit():
        return None
    try:
        days = tuple(keeping.parse_hours(field.data or "", field.name) for field in form.days())
        week = keeping.Week(
            form.name.data or "", form.time_zone.data or "", form.valid_from.data or FIRST_DAY, days
        )
        row = keeping.save_calendar(db(), calendar_id, week, actor_id=current_user.person_id, now=now())
    except Refused as refused:
        release()
        form.refuse(refused)
        return None
    return _done(row.id, gettext("Saved. Open tickets are counted by these hours in a moment."))


def _week_page(form: CalendarForm, row: CalendarRow | None) -> str:
    return render_template("admin/calendars/hours.html", form=form, calendar=row)


def _done(calendar_id: int, words: str) -> Any:
    """Commit, have running tickets counted again, and lead back to the calendar."""
    outbox.put(db(), "tickets.recount", run_at=now(), calendar_id=calendar_id)
    commit()
    flash(words, "ok")
    return see(f"/admin/calendars/{calendar_id}")


@bp.post("/admin/calendars/<int:calendar_id>/closings")
@needs("sla.edit")
def closings(calendar_id: int) -> Any:
    form = ClosingForm(prefix="closing-")
    if form.validate_on_submit():
        try:
            days = keeping.close(
                db(),
                calendar_id,
                form.first.data or FIRST_DAY,
                form.last.data or FIRST_DAY,
                form.reason.data or "",
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            return _done(calendar_id, gettext("%(days)s days are closed.", days=days))
    return _page(calendar_id, closing=form), 422


@bp.post("/admin/calendars/<int:calendar_id>/days")
@needs("sla.edit")
def days(calendar_id: int) -> Any:
    form = DayForm(prefix="day-")
    if form.validate_on_submit():
        try:
            intervals = keeping.parse_hours(form.hours.data or "", "hours")
            if len(intervals) != 1:
                raise Refused(N_("A single day has one stretch of hours, like 9:00-12:00."), "hours")
            keeping.open_differently(
                db(),
                calendar_id,
                form.day.data or FIRST_DAY,
                intervals[0],
                form.reason.data or "",
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            return _done(calendar_id, gettext("The day has hours of its own."))
    return _page(calendar_id, day=form), 422


@bp.post("/admin/calendars/<int:calendar_id>/exceptions/<int:exception_id>/deletion")
@needs("sla.edit")
def remove(calendar_id: int, exception_id: int) -> Any:
    keeping.remove_exception(db(), calendar_id, exception_id, actor_id=current_user.person_id, now=now())
    return _done(calendar_id, gettext("The day is like any other again."))


@bp.post("/admin/calendars/<int:calendar_id>/proposals")
@needs("sla.edit")
def proposals(calendar_id: int) -> Any:
    form = _holiday_form(_row(calendar_id))
    if form.validate_on_submit():
        country, _, region = (form.region.data or "").partition("-")
        year = form.year.data or now().year
        try:
            keeping.propose_holidays(
                db(),
                calendar_id,
                country,
                region or None,
                year,
                language=language(),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Look through the proposals: only what you tick counts."), "info")
            return see(f"/admin/calendars/{calendar_id}?year={year}#holidays")
    return _page(calendar_id, holiday=form), 422


@bp.post("/admin/calendars/<int:calendar_id>/review")
@needs("sla.edit")
def review(calendar_id: int) -> Any:
    accepted = {
        int(value) for value in request.form.getlist("holiday") if value.isascii() and value.isdigit()
    }
    year = request.form.get("year", type=int) or now().year
    try:
        closed = keeping.review_holidays(
            db(), calendar_id, accepted, year, actor_id=current_user.person_id, now=now()
        )
    except Refused as refused:
        release()
        flash(say(refused), "warn")
        return see(f"/admin/calendars/{calendar_id}?year={year}")
    return _done(calendar_id, gettext("Reviewed: %(days)s holidays close the calendar.", days=closed))


def _row(calendar_id: int) -> CalendarRow:
    row = db().get(CalendarRow, calendar_id)
    if row is None:
        raise NotVisible
    return row


def _holiday_form(row: CalendarRow) -> HolidayForm:
    form = HolidayForm(prefix="holiday-", year=_year())
    choices = []
    for code, name in COUNTRIES.items():
        choices.append((code, gettext("%(country)s, everywhere", country=gettext(name))))
        choices += [
            (f"{code}-{part}", f"{gettext(name)}, {part}") for part in public_holidays.subdivisions(code)
        ]
    form.region.choices = choices
    if not form.is_submitted():
        form.region.data = (
            f"{row.holiday_country}-{row.holiday_subdiv}" if row.holiday_subdiv else row.holiday_country
        )
    return form


def _year() -> int:
    year = request.args.get("year", type=int) or now().year
    return year if 2000 <= year <= 2100 else now().year


def _page(
    calendar_id: int,
    *,
    closing: ClosingForm | None = None,
    day: DayForm | None = None,
    holiday: HolidayForm | None = None,
) -> str:
    row, year = _row(calendar_id), _year()
    spec = queries.spec(db(), calendar_id)
    exceptions = db().scalars(
        select(CalendarException)
        .where(
            CalendarException.calendar_id == calendar_id,
            CalendarException.date.between(date(year, 1, 1), date(year, 12, 31)),
        )
        .order_by(CalendarException.date, CalendarException.id)
    )
    found = exceptions.all()
    return render_template(
        "admin/calendars/calendar.html",
        calendar=row,
        year=year,
        week=[keeping.written_hours(hours) for hours in spec.weekly[-1].days] if spec.weekly else [""] * 7,
        own=[one for one in found if one.source != "library"],
        proposed=[one for one in found if one.source == "library"],
        months=_months(BusinessCalendar.compile(spec, date(year, 1, 1), date(year, 12, 31)), row, year),
        form=closing if closing and closing.errors else day if day and day.errors else holiday,
        closing=closing or ClosingForm(formdata=None, prefix="closing-"),
        day=day or DayForm(formdata=None, prefix="day-"),
        holiday=holiday or _holiday_form(row),
        written=lambda one: keeping.written_hours([(one.opens_minute, one.closes_minute)]),
    )


def _months(compiled: BusinessCalendar, row: CalendarRow, year: int) -> list[tuple[date, list[list[Any]]]]:
    """The year as weeks of days: (day, open seconds) each, None outside the month."""
    zone = ZoneInfo(row.time_zone)

    def seconds(day: date) -> int:
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        end = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
        return compiled.between(int(start.timestamp()), int(end.timestamp()))

    pages = []
    for month in range(1, 13):
        weeks = [
            [
                (date(year, month, number), seconds(date(year, month, number))) if number else None
                for number in week
            ]
            for week in months.monthcalendar(year, month)
        ]
        pages.append((date(year, month, 1), weeks))
    return pages


# --- promised times --------------------------------------------------------------------------------------------------


@bp.route("/admin/sla-policies", methods=["GET", "POST"])
@needs("sla.edit")
def policies() -> Any:
    policy = db().scalar(select(SlaPolicy).order_by(SlaPolicy.position, SlaPolicy.id).limit(1))
    if policy is None:
        return render_template("admin/sla-policies/none.html")
    version = keeping.newest_version(db(), policy.id)
    standing = {
        one.priority: one
        for one in db().scalars(
            select(SlaTarget).where(
                SlaTarget.policy_version_id == version.id, SlaTarget.metric == "first_response"
            )
        )
    }
    values = {code: standing[code].target_minutes / 60 for code in PRIORITIES if code in standing}
    values |= {f"{code}_warning": standing[code].warn_minutes / 60 for code in PRIORITIES if code in standing}
    form = targets_form({code: gettext(name) for code, name in PRIORITIES.items()})(data=values)
    if form.validate_on_submit():
        targets = {
            code: (round(form[code].data * 60), round(form[f"{code}_warning"].data * 60))
            for code in PRIORITIES
        }
        try:
            made = keeping.save_targets(db(), policy.id, targets, actor_id=current_user.person_id, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(
                gettext("Version %(number)s holds for new tickets.", number=made.number)
                if made
                else gettext("Nothing changed."),
                "ok" if made else "info",
            )
            return see("/admin/sla-policies")
    page = render_template(
        "admin/sla-policies/targets.html",
        form=form,
        policy=policy,
        version=version,
        calendar=_row(policy.calendar_id),
        priorities=PRIORITIES,
    )
    return page, 422 if form.errors else 200
