"""The state of the installation for admins, and trying failed work again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext, ngettext
from flask_login import current_user

from app import audit, outbox, versions
from app.access import needs
from app.admin import state
from app.errors import NotVisible
from app.i18n import format_number
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("system", __name__)


@bp.get("/admin/system")
@needs("system.read")
def system() -> str:
    found = state.failed_jobs(db(), after=request.args.get("after"), before=request.args.get("before"))
    return render_template(
        "admin/system/show.html",
        system=state.system(
            db(),
            schema=versions.standing(portal().database.engine),
            search_dir=portal().search_dir,
            data_dir=portal().data_dir,
            now=now(),
        ),
        failed=found.rows,
        newer=f"/admin/system?before={found.before}" if found.before else None,
        older=f"/admin/system?after={found.after}" if found.after else None,
        size=_size,
    )


@bp.post("/admin/system/jobs/<int:job_id>/retry")
@needs("jobs.retry")
def retry(job_id: int) -> Any:
    if not _retry([job_id]):
        raise NotVisible
    return see("/admin/system")


@bp.post("/admin/system/jobs/retry")
@needs("jobs.retry")
def retry_all() -> Any:
    if not _retry(None):
        flash(gettext("No work has failed."), "info")
    return see("/admin/system")


def _retry(job_ids: list[int] | None) -> int:
    """Make failed work due again, with its audit entry. Gives how much; nothing is written for none."""
    due = outbox.retry(db(), job_ids, now=now())
    if due:
        audit.record(
            db(),
            actor_id=current_user.person_id,
            action="job.retry",
            object_kind="job",
            object_id=job_ids[0] if job_ids else None,
            at=now(),
            count=due,
        )
        commit()
        flash(ngettext("%(num)s task is tried again.", "%(num)s tasks are tried again.", due), "ok")
    return due


def _size(count: int) -> str:
    """A number of bytes in the largest fitting unit."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{format_number(round(count / factor, 1))}\u00a0{unit}"
    return f"{format_number(count)}\u00a0B"
