"""Where admins keep working hours and holidays. Promised times are kept by `app.tickets.policy_admin_views`."""

from __future__ import annotations

import calendar as months
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext, ngettext
from flask_login import current_user
from sqlalchemy import select

from app import outbox
from app.access import needs
from app.errors import NotVisible, Refused
from app.i18n import language, say
from app.now import now
from app.sla import calendar_keeping as keeping
from app.sla import public_holidays, queries, written
from app.sla.calendar import BusinessCalendar
from app.sla.calendar_keeping import WEEKDAYS
from app.sla.forms import CalendarForm, ClosingForm, DayForm, HolidayForm
from app.sla.hours import CalendarSpec
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import CalendarException
from app.web import commit, db, portal, release, see
from app.words import N_

bp = Blueprint("sla_admin", __name__)

COUNTRIES = {"DE": N_("Germany"), "AT": N_("Austria"), "CH": N_("Switzerland")}
FIRST_DAY = date(1970, 1, 1)


@bp.get("/admin/calendars")
@needs("sla.edit")
def calendars() -> str:
    rows = db().execute(
        select(
            CalendarRow.id,
            CalendarRow.name,
            CalendarRow.time_zone,
            CalendarRow.holiday_country,
            CalendarRow.holiday_subdiv,
        ).order_by(CalendarRow.name)
    )
    unreviewed = keeping.unreviewed(db(), now().date())
    return render_template(
        "admin/calendars/list.html",
        calendars=rows.all(),
        countries=COUNTRIES,
        unreviewed={row.calendar_id: row.year for row in reversed(unreviewed)},
    )


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
    _, hours = _weeks(queries.spec(db(), calendar_id))[0]
    days = dict(zip(WEEKDAYS, hours, strict=True))
    form = CalendarForm(name=row.name, time_zone=row.time_zone, valid_from=now().date(), **days)
    return _saved(form, calendar_id) or (_week_page(form, row), 422 if form.errors else 200)


def _saved(form: CalendarForm, calendar_id: int | None) -> Any:
    """The answer to a saved week; None when it was not sent or was refused."""
    if not form.validate_on_submit():
        return None
    try:
        days = tuple(written.parse_hours(field.data or "", field.name) for field in form.days())
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
            return _done(calendar_id, ngettext("%(num)s day is closed.", "%(num)s days are closed.", days))
    return _page(calendar_id, closing=form), 422


@bp.post("/admin/calendars/<int:calendar_id>/days")
@needs("sla.edit")
def days(calendar_id: int) -> Any:
    form = DayForm(prefix="day-")
    if form.validate_on_submit():
        try:
            intervals = written.parse_hours(form.hours.data or "", "hours")
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
    days = keeping.remove_exception(
        db(), calendar_id, exception_id, actor_id=current_user.person_id, now=now()
    )
    return _done(
        calendar_id,
        ngettext("One day is like any other again.", "%(num)s days are like any other again.", days),
    )


@bp.post("/admin/calendars/<int:calendar_id>/deletion")
@needs("sla.edit")
def deletion(calendar_id: int) -> Any:
    try:
        keeping.delete_calendar(db(), calendar_id, actor_id=current_user.person_id, now=now())
    except Refused as refused:
        release()
        flash(say(refused), "warn")
        return see(f"/admin/calendars/{calendar_id}")
    commit()
    flash(gettext("The calendar was deleted."), "ok")
    return see("/admin/calendars")


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
    words = ngettext(
        "Reviewed: %(num)s holiday closes the calendar.",
        "Reviewed: %(num)s holidays close the calendar.",
        closed,
    )
    return _done(calendar_id, words)


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
            (f"{code}-{part}", f"{gettext(name)}, {named}")
            for part, named in public_holidays.subdivisions(code).items()
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
    first, last = date(year, 1, 1), date(year, 12, 31)
    own, proposed = _exceptions(calendar_id, first, last)
    return render_template(
        "admin/calendars/calendar.html",
        calendar=row,
        year=year,
        weeks=_weeks(spec),
        own=own,
        proposed=proposed,
        reviewed=year in row.reviewed_years,
        months=_months(BusinessCalendar.compile(spec, first, last), row, year),
        other={period[0].date for period in own if period[0].kind == "hours"},
        users=keeping.users(db(), calendar_id),
        form=closing if closing and closing.errors else day if day and day.errors else holiday,
        closing=closing or ClosingForm(formdata=None, prefix="closing-"),
        day=day or DayForm(formdata=None, prefix="day-"),
        holiday=holiday or _holiday_form(row),
        written=lambda one: written.written_hours([(one.opens_minute, one.closes_minute)]),
    )


def _exceptions(
    calendar_id: int, first: date, last: date
) -> tuple[list[list[CalendarException]], list[CalendarException]]:
    """The days of a year that differ: one's own as the periods that were entered, and proposed holidays."""
    year = timedelta(days=keeping.LONGEST_CLOSING)  # a period may begin the year before and end in the next
    found = db().scalars(
        select(CalendarException)
        .where(
            CalendarException.calendar_id == calendar_id,
            CalendarException.date.between(first - year, last + year),
        )
        .order_by(CalendarException.date, CalendarException.id)
    )
    days = found.all()
    periods = keeping.periods([day for day in days if day.source != "library"])
    return (
        [period for period in periods if period[-1].date >= first and period[0].date <= last],
        [day for day in days if day.source == "library" and first <= day.date <= last],
    )


def _weeks(spec: CalendarSpec) -> list[tuple[date, list[str]]]:
    """The weekly hours in force today and those to come, as text, each with its first day."""
    today = now().date()
    weeks = [
        (week.valid_from or FIRST_DAY, list(map(written.written_hours, week.days))) for week in spec.weekly
    ]
    begun = [week for week in weeks if week[0] <= today]
    return begun[-1:] + [week for week in weeks if week[0] > today]


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
