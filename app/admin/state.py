"""How the installation stands: what needs attention, queue, index, database, disk. It looks and changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import observe, outbox, versions
from app.articles.indexing import index_in
from app.articles.models import DRAFT, ArticleText
from app.db import size_in_bytes
from app.legal import queries as legal
from app.outbox import Job
from app.paging import Page, page
from app.preferences import BY_NAME, Preferences
from app.sla.calendar_keeping import unreviewed
from knowledge_base.index import BrokenIndex

SILENT_AFTER = timedelta(seconds=60)
LATE_AFTER = timedelta(minutes=5)
MANY = 100  # counting stops here; the page says "more than 99"


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing somebody should look at: what (the template has the words), how often, and who may do something. `name`
    and `year` where it is one calendar's."""

    what: str
    count: int
    action: str
    address: str
    urgent: bool = False
    name: str = ""
    year: int = 0


def attention(
    session: Session, *, settings: Preferences, languages: tuple[str, ...], now: datetime
) -> Iterator[Attention]:
    """What needs somebody's attention, the urgent first. A handful of bounded statements."""
    last, waiting = observe.last_beat(session, "worker"), outbox.backlog(session, now=now)
    if last is None or now - last > SILENT_AFTER:
        yield Attention("worker_silent", 1, "system.read", "/admin/system", urgent=True)
    elif waiting.oldest_due_seconds > LATE_AFTER.total_seconds():
        yield Attention("work_late", waiting.due, "system.read", "/admin/system", urgent=True)
    if waiting.failed:
        yield Attention("jobs_failed", waiting.failed, "system.read", "/admin/system", urgent=True)
    for one in unreviewed(session, now.date())[:MANY]:
        address = f"/admin/calendars/{one.calendar_id}?year={one.year}#holidays"
        yield Attention("holidays", 1, "sla.edit", address, name=one.name, year=one.year)
    if (unpublished := _unpublished(session)) > 0:
        yield Attention("drafts", unpublished, "articles.edit", "/admin/articles")
    published = legal.overview(session)
    if missing := sum((text, lang) not in published for text in legal.PAGES for lang in languages):
        yield Attention("legal_shipped", missing, "legal.edit", "/admin/legal")
    if settings["company_name"] == BY_NAME["company_name"].default:
        yield Attention("company_name", 1, "settings.edit", "/admin/settings")


def _unpublished(session: Session) -> int:
    """Texts that wait for being published: drafts, and published ones with newer words; at most `MANY`."""
    newer = ArticleText.latest_number > func.coalesce(ArticleText.current_number, 0)
    waiting = select(ArticleText.id).where(
        (ArticleText.state == DRAFT) | ((ArticleText.state == "published") & newer)
    )
    return session.scalar(select(func.count()).select_from(waiting.limit(MANY).subquery())) or 0


@dataclass(frozen=True, slots=True)
class SearchState:
    """The search index: readable or not, how many articles it holds, when it last changed."""

    readable: bool
    articles: int
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class System:
    """What the system page shows. Sizes in bytes."""

    version: str
    dialect: str
    database_size: int
    schema: str
    schema_current: bool
    search: SearchState
    heartbeat: datetime | None
    silent: bool
    jobs: outbox.Backlog
    done: int
    disk_free: int
    disk_total: int


def system(
    session: Session, *, schema: str | None, search_dir: Path, data_dir: Path, now: datetime
) -> System:
    """The state of this installation as this process sees it. `schema` is the migration the database stands at."""
    last = observe.last_beat(session, "worker")
    disk = shutil.disk_usage(data_dir)
    return System(
        version=versions.program(),
        dialect=session.get_bind().dialect.name,
        database_size=size_in_bytes(session),
        schema=schema or "",
        schema_current=schema == versions.newest(),
        search=search_state(search_dir),
        heartbeat=last,
        silent=last is None or now - last > SILENT_AFTER,
        jobs=outbox.backlog(session, now=now),
        done=session.scalar(select(func.count()).where(Job.state == outbox.DONE)) or 0,
        disk_free=disk.free,
        disk_total=disk.total,
    )


def search_state(folder: Path) -> SearchState:
    """The search index of this host."""
    index = index_in(folder)
    written = index.written_at
    moment = datetime.fromtimestamp(int(written), UTC) if written else None
    try:
        return SearchState(True, len(index.keys()), moment)
    except (BrokenIndex, OSError):
        return SearchState(False, 0, moment)


def failed_jobs(session: Session, *, after: str | None, before: str | None) -> Page:
    """Work that failed for good, newest first."""
    columns: tuple[Any, ...] = (Job.id, Job.name, Job.attempts, Job.created_at, Job.done_at, Job.error)
    statement = select(*columns).where(Job.state == outbox.FAILED)
    return page(session, statement, (Job.id,), descending=True, after=after, before=before)
