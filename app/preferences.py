"""Settings kept in the database and changed on admin pages: typed, each with a default, each change audited.

What is needed before the database answers, or is a secret of the host, is in `config.py` instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit
from app.db import Base, Json, primary_key, table_args
from app.errors import Refused
from app.personal import RowFate, T, not_personal
from app.words import N_


class PreferenceRow(Base):
    """A setting that differs from its default."""

    __tablename__ = "preference"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="settings of the installation"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("name of the setting"))
    value: Mapped[Any] = mapped_column(Json, info=not_personal("its value", keys=("de", "en")))
    changed_at: Mapped[datetime] = mapped_column(info=not_personal("when it was changed"))


@dataclass(frozen=True, slots=True)
class Preference:
    """One setting: its type (`text`, `localised`, `number`, `switch`), default and words for admins.

    Numbers have a unit and bounds. `group` is the heading it stands under on the settings page.
    """

    name: str
    kind: str
    default: Any
    label: str
    group: str
    hint: str = ""
    unit: str = ""
    least: int = 0
    most: int = 0


GENERAL, PERIODS, LIMITS = N_("General"), N_("Periods"), N_("Limits")

PREFERENCES: tuple[Preference, ...] = (
    Preference(
        "company_name",
        "localised",
        {"de": "Hilfe", "en": "Help"},
        N_("Name of the help centre"),
        GENERAL,
        N_("Shown at the top of every page and in letters."),
    ),
    Preference(
        "sign_up_open",
        "switch",
        True,
        N_("Anybody may create an account"),
        GENERAL,
        N_("When off, people get accounts by invitation only."),
    ),
    Preference(
        "period_reset_minutes", "number", 30, N_("Password reset link"), PERIODS, "", "minutes", 5, 1440
    ),
    Preference("period_sign_up_hours", "number", 24, N_("Sign-up link"), PERIODS, "", "hours", 1, 168),
    Preference("period_invitation_days", "number", 7, N_("Invitation"), PERIODS, "", "days", 1, 60),
    Preference(
        "period_session_days",
        "number",
        30,
        N_("Sign-in without activity"),
        PERIODS,
        N_("A device is signed out after this time without a visit."),
        "days",
        1,
        365,
    ),
    Preference("period_draft_days", "number", 30, N_("Unsent drafts"), PERIODS, "", "days", 1, 365),
    Preference(
        "period_searches_days",
        "number",
        90,
        N_("Counts of searches"),
        PERIODS,
        N_("What was typed only once is forgotten after two weeks."),
        "days",
        14,
        365,
    ),
    Preference(
        "period_reopen_days",
        "number",
        14,
        N_("Reopening a solved request"),
        PERIODS,
        N_("So long customers may reopen a solved request."),
        "days",
        1,
        365,
    ),
    Preference(
        "period_closing_days",
        "number",
        14,
        N_("Solved requests are closed"),
        PERIODS,
        N_("A closed request takes no more messages."),
        "days",
        1,
        365,
    ),
    Preference(
        "period_unproved_days",
        "number",
        14,
        N_("Unconfirmed requests of guests"),
        PERIODS,
        N_("A request is deleted if its address is not confirmed until then."),
        "days",
        1,
        90,
    ),
    Preference(
        "period_ticket_link_days",
        "number",
        30,
        N_("Links to single requests"),
        PERIODS,
        N_("So long after closing the links in our letters still open a request."),
        "days",
        1,
        365,
    ),
    Preference(
        "period_undo_deletion_days",
        "number",
        7,
        N_("Taking back a deletion"),
        PERIODS,
        N_("So long people can take back the deletion of their account."),
        "days",
        1,
        30,
    ),
    Preference(
        "period_export_hours",
        "number",
        72,
        N_("Copy of somebody's data"),
        PERIODS,
        N_("So long it can be downloaded. Then its file is removed."),
        "hours",
        1,
        336,
    ),
    Preference(
        "period_support_days",
        "number",
        365,
        N_("Texts of closed requests"),
        PERIODS,
        N_("Then they are deleted, unless commercial or tax law or a legal case demands to keep them."),
        "days",
        30,
        1460,
    ),
    Preference(
        "file_megabytes",
        "number",
        20,
        N_("Largest file"),
        LIMITS,
        N_("For each uploaded file."),
        "MB",
        1,
        50,
    ),
    Preference("file_count", "number", 10, N_("Files in one message"), LIMITS, "", "", 1, 50),
    Preference(
        "file_total_megabytes",
        "number",
        50,
        N_("All files of one message"),
        LIMITS,
        N_("Together."),
        "MB",
        1,
        50,
    ),
)

BY_NAME = {preference.name: preference for preference in PREFERENCES}


_EVERYTHING = select(PreferenceRow.name, PreferenceRow.value)  # asked with every page, made once


class Preferences:
    """The settings as they stood when they were read. One query for all of them."""

    def __init__(self, changed: dict[str, Any]) -> None:
        self._changed = changed

    @classmethod
    def read(cls, session: Session) -> Preferences:
        rows = session.execute(_EVERYTHING)
        return cls({name: value for name, value in rows if name in BY_NAME})

    @property
    def fingerprint(self) -> str:
        """Another one for other settings; names what is kept in memory of pages made with them."""
        return repr(sorted(self._changed.items()))

    def __getitem__(self, name: str) -> Any:
        return self._changed.get(name, BY_NAME[name].default)

    def localised(self, name: str, lang: str) -> str:
        """A text in one language, else in any language it exists in."""
        texts = self[name]
        return str(texts.get(lang) or next((text for text in texts.values() if text), ""))

    def period(self, name: str) -> timedelta:
        """A period such as `period_reset_minutes`, by the unit in its name."""
        return timedelta(**{name.rsplit("_", 1)[1]: self[name]})


def change(
    session: Session, name: str, value: Any, *, actor_id: int | None, now: datetime, through: str = "web"
) -> bool:
    """Set one setting and write the audit entry. False if it already had the value.

    Raises `Refused` when the value does not fit the setting's type or bounds.
    """
    preference = BY_NAME[name]
    _check(preference, value)
    before = Preferences.read(session)[name]
    if before == value:
        return False
    row = session.scalar(select(PreferenceRow).where(PreferenceRow.name == name).with_for_update())
    if row is None:
        row = PreferenceRow(name=name, value=value, changed_at=now)
        session.add(row)
    row.value, row.changed_at = value, now
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="preference.change",
        object_kind="preference",
        object_id=row.id,
        at=now,
        through=through,
        name=name,
        **{"from": before, "to": value},
    )
    return True


def _check(preference: Preference, value: Any) -> None:
    fits = {
        "text": lambda: isinstance(value, str),
        "localised": lambda: (
            isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        ),
        "number": lambda: type(value) is int and preference.least <= value <= preference.most,
        "switch": lambda: type(value) is bool,
    }[preference.kind]()
    if not fits:
        raise Refused(N_("This value does not fit the setting."), preference.name)
