"""The trail of a clock as a person reads it, in German and English: its stretches, their sums, what changed its terms.

Every number comes from the trail and the calendar that was replayed with; nothing is decided here a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby

from babel.dates import format_datetime

from app.sla.calendar import BusinessCalendar
from app.sla.outcome import Step

SHOWN = 6  # open stretches named one by one; more are summed up in the middle


@dataclass(frozen=True, slots=True)
class Portion:
    """A stretch in which a clock ran or was paused (`status` says why), with its business seconds.

    `open_times` are the opening hours in it, as (start, end); they add up to `seconds`. `end` is None for a pause
    that lasts.
    """

    start: int
    end: int | None
    running: bool
    status: str
    seconds: int
    open_times: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Account:
    """One run of a metric: what was promised, how the time went, and how it stands.

    Of a clock with a due time the running portions end there and add up to the target; of one that is paused or ended
    before, they add up to the target less `left`.
    """

    metric: str
    run_no: int
    target: int | None = None
    priority: str = ""
    due: int | None = None
    ended_at: int | None = None
    ended_by: str = ""
    breached_at: int | None = None
    portions: list[Portion] = field(default_factory=list)
    changes: list[Step] = field(default_factory=list)

    @property
    def ran(self) -> int:
        """Business seconds in the running portions."""
        return sum(portion.seconds for portion in self.portions if portion.running)

    @property
    def left(self) -> int:
        """Business seconds of the target that are not used up."""
        return max(0, (self.target or 0) - self.ran)


Calendars = BusinessCalendar | Mapping[tuple[str, int], BusinessCalendar | None]
"""The calendar in force, or that of each run (metric, number): a run that ended keeps the hours it was judged by."""


def accounts(trail: Iterable[Step], calendars: Calendars) -> list[Account]:
    """The account of each run in the trail, in the order in which they started."""
    order: dict[tuple[str, int], list[Step]] = {}
    for step in trail:
        order.setdefault((step.metric, step.run_no), []).append(step)
    found = []
    for key, steps in order.items():
        calendar = calendars if isinstance(calendars, BusinessCalendar) else calendars.get(key)
        if calendar is not None:
            found.append(_account(steps, calendar))
    return found


def _account(steps: list[Step], calendar: BusinessCalendar) -> Account:
    account = Account(steps[0].metric, steps[0].run_no)
    stretches: list[tuple[int, int | None, bool, str]] = []

    def turn(at: int, running: bool | None, status: str = "") -> None:
        if stretches and stretches[-1][1] is None:
            stretches[-1] = (stretches[-1][0], at, *stretches[-1][2:])
        if running is not None:
            stretches.append((at, None, running, status))

    for step in steps:
        account.due = step.due_after
        match step.key:
            case "started":
                turn(step.params["from"], step.params["running"], step.params["status"])
            case "paused" | "resumed":
                turn(step.at, step.key == "resumed", step.params["status"])
            case "reopened":
                turn(step.at, step.params["running"], step.params["status"])
                account.ended_at, account.ended_by = None, ""
            case "began_earlier":
                if stretches[0][2]:
                    stretches[0] = (step.params["since"], *stretches[0][1:])
                else:
                    stretches.insert(0, (step.params["since"], stretches[0][0], True, ""))
            case "breached":
                account.breached_at = step.params["breached_at"]
            case "answered" | "solved" | "cancelled":
                turn(step.at, None)
                account.ended_at, account.ended_by = step.at, step.key
        if step.key in ("started", "judged", "reopened"):
            account.target, account.priority = step.params["target"], step.params["priority"]
        if step.key in ("judged", "began_earlier", "reopened"):
            account.changes.append(step)
            if step.due_after != step.due_before:
                account.breached_at = None  # a step of its own follows if it is still missed
    for start, end, running, status in stretches:
        portion = _portion(account, calendar, start, end, running, status)
        if portion is not None:
            account.portions.append(portion)
    return account


def _portion(
    account: Account, calendar: BusinessCalendar, start: int, end: int | None, running: bool, status: str
) -> Portion | None:
    """A stretch up to the due time; None when nothing is left of it, or the clock has no target and no end."""
    if account.due is not None:
        end = account.due if end is None else min(end, account.due)
    if end is None and not running:
        return Portion(start, None, False, status, 0, ())
    if end is None or end <= start:
        return None
    spans = calendar.walk(start, end)
    seconds = sum(span.end - span.start for span in spans if span.open)
    times: list[tuple[int, int]] = []
    for span in spans:
        if span.open and times and times[-1][1] == span.start:
            times[-1] = (times[-1][0], span.end)
        elif span.open:
            times.append((span.start, span.end))
    return Portion(start, end, running, status, seconds, tuple(times))


def explain(trail: Iterable[Step], calendar: Calendars, locale: str, tz: tzinfo) -> list[str]:
    """For each run in the trail, sentences that say when it is due and why. `locale` is de or en (or a region of it).

    The hours named add up to the target, or together with what is left.
    """
    words = _WORDS["de" if locale.startswith("de") else "en"]
    says = _Says(words, locale if locale != "en" else "en_GB", tz)
    return [says.account(account) for account in accounts(trail, calendar) if account.target is not None]


def length(seconds: int, locale: str) -> str:
    """Hours, minutes and seconds, without the parts that are nought. Nothing is rounded: sums must hold (T7)."""
    return _length(seconds, _WORDS["de" if locale.startswith("de") else "en"])


def _length(seconds: int, words: dict[str, str]) -> str:
    parts = [(seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{number} {words[unit]}" for number, unit in parts if number) or f"0 {words['min']}"


class _Says:
    """One language and zone."""

    def __init__(self, words: dict[str, str], locale: str, tz: tzinfo) -> None:
        self.words = words
        self.locale = locale.replace("-", "_")
        self.tz = tz

    def account(self, account: Account) -> str:
        sentences = [self._head(account)]
        target = self.length(account.target or 0)
        sentences.append(
            self.words["target"].format(target=target, priority=self._priority(account.priority))
        )
        sentences += [self._change(step) for step in account.changes]
        for running, portions in groupby(account.portions, key=lambda portion: portion.running):
            if running:
                sentences.append(self._ran(list(portions)))
            else:
                sentences += [self._paused(portion) for portion in portions]
        if account.left:
            sums = self.words["left"].format(
                ran=self.length(account.ran), left=self.length(account.left), target=target
            )
        else:
            sums = self.words["sum"].format(ran=self.length(account.ran))
        return " ".join([*sentences, sums])

    def _head(self, account: Account) -> str:
        due = self.instant(account.due) if account.due is not None else ""
        if account.ended_by == "cancelled":
            key = "cancelled"
        elif account.ended_at is not None:
            key = "late" if account.breached_at is not None else "in_time"
        elif account.breached_at is not None:
            key = "overdue"
        else:
            key = "due" if account.due is not None else "paused"
        ended = self.instant(account.ended_at) if account.ended_at is not None else ""
        return self.words[key].format(metric=self.words[account.metric], due=due, ended=ended)

    def _change(self, step: Step) -> str:
        facts = {
            "at": self.instant(step.at),
            "target": self.length(step.params.get("target") or 0),
            "since": self.instant(step.params.get("since", step.at)),
        }
        key = step.key if step.key != "judged" else step.rule
        return self.words[key].format(priority=self._priority(step.params.get("priority", "")), **facts)

    def _priority(self, priority: str) -> str:
        return self.words.get(f"priority {priority}", priority)

    def _ran(self, portions: list[Portion]) -> str:
        times = [time for portion in portions for time in portion.open_times]
        named = [self._time(*time) for time in times]
        if len(times) > SHOWN:
            middle = times[SHOWN // 2 : -SHOWN // 2]
            summed = self.words["more"].format(
                count=len(middle), length=self.length(sum(end - start for start, end in middle))
            )
            named = [*named[: SHOWN // 2], summed, *named[-SHOWN // 2 :]]
        return self.words["ran"].format(times=", ".join(named)) if named else self.words["closed"]

    def _time(self, start: int, end: int) -> str:
        same_day = self._shown(start).date() == self._shown(end - 1).date()
        until = self._clock(end, start) if same_day else self.instant(end)
        dash = "–" if same_day else " – "
        return f"{self.instant(start)}{dash}{until} ({self.length(end - start)})"

    def _paused(self, portion: Portion) -> str:
        lasting = portion.end is None
        return self.words["lasting" if lasting else "pause"].format(
            start=self.instant(portion.start),
            end="" if portion.end is None else self.instant(portion.end),
            why=self.words.get(f"status {portion.status}", self.words["status other"]),
            length=self.length(portion.seconds),
        )

    def _shown(self, t: int) -> datetime:
        return datetime.fromtimestamp(t, self.tz)

    def _clock(self, end: int, start: int) -> str:
        """The end of a stretch within one day; midnight is its 24:00."""
        shown = self._shown(end)
        return "24:00" if shown.date() != self._shown(start).date() else f"{shown:%H:%M}"

    def instant(self, t: int) -> str:
        """A wall time with its day, without the year; seconds only where there are any."""
        pattern = self.words["pattern"] + (":ss" if t % 60 else "")
        return format_datetime(self._shown(t), pattern, locale=self.locale)

    def length(self, seconds: int) -> str:
        return _length(seconds, self.words)


_WORDS = {
    "en": {
        "pattern": "EEE d MMMM HH:mm",
        "h": "h",
        "min": "min",
        "s": "s",
        "first_response": "First response",
        "next_response": "Next response",
        "periodic_update": "Update",
        "resolution": "Resolution",
        "priority low": "low",
        "priority normal": "normal",
        "priority high": "high",
        "priority urgent": "urgent",
        "due": "{metric}: due {due}.",
        "paused": "{metric}: paused, no due time.",
        "overdue": "{metric}: overdue since {due}.",
        "in_time": "{metric}: done {ended}, in time (due {due}).",
        "late": "{metric}: done {ended}, late (due {due}).",
        "cancelled": "{metric}: ended {ended} without being owed any longer.",
        "target": "Target {target} (priority {priority}).",
        "R8": "Target {target} since the priority became {priority}, {at}.",
        "R9": "Target {target} under another policy since {at}.",
        "R10": "Target {target} since the policy was edited, {at}.",
        "R11": "Working hours were corrected {at}.",
        "reopened": "Reopened {at}; solved time does not count.",
        "began_earlier": "Counts from {since}, the age of a merged request.",
        "ran": "Ran {times}.",
        "closed": "Ran outside working hours only.",
        "more": "{count} more times ({length})",
        "pause": "Paused {start} – {end}, {why} ({length} of working time).",
        "lasting": "Paused since {start}, {why}.",
        "status pending": "waiting for the customer",
        "status on_hold": "on hold",
        "status other": "by its status",
        "sum": "Together {ran}.",
        "left": "Together {ran}, with {left} left that is {target}.",
    },
    "de": {
        "pattern": "EEE d. MMMM HH:mm",
        "h": "Std.",
        "min": "Min.",
        "s": "Sek.",
        "first_response": "Erste Antwort",
        "next_response": "Nächste Antwort",
        "periodic_update": "Zwischenstand",
        "resolution": "Lösung",
        "priority low": "niedrig",
        "priority normal": "normal",
        "priority high": "hoch",
        "priority urgent": "dringend",
        "due": "{metric}: fällig {due}.",
        "paused": "{metric}: angehalten, nichts ist fällig.",
        "overdue": "{metric}: überfällig seit {due}.",
        "in_time": "{metric}: erledigt {ended}, rechtzeitig (fällig {due}).",
        "late": "{metric}: erledigt {ended}, zu spät (fällig {due}).",
        "cancelled": "{metric}: beendet {ended}, nichts ist mehr offen.",
        "target": "Zusage {target} (Priorität {priority}).",
        "R8": "Zusage {target}, seit die Priorität {priority} ist: {at}.",
        "R9": "Zusage {target} nach einer anderen Regel seit {at}.",
        "R10": "Zusage {target}, seit die Regel geändert ist: {at}.",
        "R11": "Die Arbeitszeiten wurden berichtigt: {at}.",
        "reopened": "Wieder geöffnet {at}; gelöste Zeit zählt nicht.",
        "began_earlier": "Zählt ab {since}, dem Alter einer zusammengeführten Anfrage.",
        "ran": "Gelaufen {times}.",
        "closed": "Gelaufen nur außerhalb der Arbeitszeit.",
        "more": "{count} weitere Zeiten ({length})",
        "pause": "Angehalten {start} – {end}, {why} ({length} Arbeitszeit).",
        "lasting": "Angehalten seit {start}, {why}.",
        "status pending": "wartet auf Kundin/Kunde",
        "status on_hold": "zurückgestellt",
        "status other": "wegen des Status",
        "sum": "Zusammen {ran}",
        "left": "Zusammen {ran}, mit {left} Rest sind das {target}",
    },
}
