"""The reports' pages: who may open them, a trial from its draft to the tickets that differ, and what a form refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import AGENT, EDITOR, LEAD
from app.db import Database
from app.now import now
from app.reports import trials
from app.reports.models import WhatIfRun
from app.reports.what_if import Draft
from tests.reports.conftest import crowd, promise_everything
from tests.support.live import ROOT, Live
from tests.support.pages import Browser, words

DRAFT = {"months": "12", "normal_resolution": "1 min", "high_first_response": "", "monday": "8-12, 13-20"}


@pytest.fixture
def tickets(app: Flask) -> int:
    """Sixty tickets under promises of every kind. Gives the policy's id."""
    with app.extensions["portal"].database.session(write=True) as session:
        policy_id = promise_everything(session, now=now())
        crowd(session, 60, now=now())
        session.commit()
    return policy_id


def test_reports_are_for_leads_and_admins(
    app: Flask,
    tickets: int,
    visitor: Browser,
    customer: Browser,
    sign_in: Callable[..., Browser],
    statements: Any,
) -> None:
    assert visitor.visit("/reports/").path.startswith("/account/sign-in")
    for somebody in (customer, sign_in(AGENT), sign_in(EDITOR)):
        for path in ("/reports/", "/reports/what-if", "/reports/what-if/1", "/reports/what-if/1/worse"):
            somebody.visit(path, status=403)
    lead = sign_in(LEAD)
    page = lead.visit("/reports/?months=12")
    assert "First response" in page.text
    assert [words(link) for link in page.all("a", **{"aria-current": "page"})] == [
        "Reports",
        "Last 12 months",
    ]
    assert lead.visit("/reports/?months=77").status == 200
    for path in ("/reports/", "/reports/what-if"):
        with statements() as sent:
            lead.visit(path)
        assert len(sent) <= 8, path
    assert lead.visit("/reports/what-if?policy=999").status == 200, "the first one where that is gone"
    lead.visit("/reports/what-if/999", status=404)
    lead.visit("/reports/what-if/1/sideways", status=404)


def test_a_trial_from_its_draft_to_the_tickets(
    app: Flask,
    tickets: int,
    admin: Browser,
    sign_in: Callable[..., Browser],
    run_worker: Any,
    statements: Any,
) -> None:
    lead = sign_in(LEAD)
    page = lead.visit("/reports/what-if")
    form = page.form("what-if")
    held = {field.get("name"): field.get("value") for field in form.iter("input")}
    assert (held["normal_first_response"], held["high_resolution"]) == ("4 h", "15 h")
    assert (held["monday"], held["sunday"], held["months"]) == ("9:00-17:00", "", "3")
    waiting = lead.send(page, "what-if", **DRAFT)
    assert "begins in a moment" in waiting.text
    assert waiting.one("progress").get("max") == str(_count(app, WhatIfRun.total))
    assert waiting.link("Reload") == waiting.path
    fragment = lead.get(f"{waiting.path}/progress")
    assert "HX-Refresh" not in fragment.headers
    run_worker()
    assert lead.get(f"{waiting.path}/progress").headers["HX-Refresh"] == "true"
    with statements() as sent:
        done = lead.visit(waiting.path)
    assert len(sent) <= 8
    for text in (
        "would newly miss a promise",
        "no promise",
        "9:00-17:00",
        "8:00-12:00, 13:00-20:00",
        "Repairs",
    ):
        assert text in done.text
    assert done.html.count('class="bar-kept"') > 8
    assert "Take over" not in done.text, "a lead does not edit policies"
    assert "Kept and missed by team" in lead.visit(f"{waiting.path}?metric=resolution").text
    listed = lead.follow(done, "Show these tickets")
    assert "Resolution" in listed.text
    assert listed.all("a", class_="pager-next") == [] or lead.follow(listed, "Next").status == 200
    with statements() as sent:
        lead.visit(listed.path)
    assert len(sent) <= 8
    again = lead.visit(f"/reports/what-if?policy={tickets}&again=1")
    held = {field.get("name"): field.get("value") for field in again.form("what-if").iter("input")}
    assert {name: held[name] for name in ("months", "normal_resolution", "high_first_response")} == {
        "months": "12",
        "normal_resolution": "1 min",
        "high_first_response": "",
    }
    seen = admin.visit(waiting.path)
    assert seen.link("Take over") == f"/admin/sla-policies/{tickets}"
    assert "Your last trial" not in admin.visit("/reports/").text


def test_a_trial_is_stopped_by_its_author(
    app: Flask, tickets: int, admin: Browser, sign_in: Callable[..., Browser], run_worker: Any
) -> None:
    lead = sign_in(LEAD)
    waiting = lead.send(lead.visit("/reports/what-if"), "what-if", **DRAFT)
    assert admin.visit(waiting.path).all("form", action=f"{waiting.path}/cancellation") == []
    token = admin.visit("/reports/what-if").form("what-if").find(".//input[@name='csrf_token']")
    assert token is not None
    refused = admin.post(f"{waiting.path}/cancellation", data={"csrf_token": token.get("value")})
    assert refused.status_code == 404
    assert "Stopped" in lead.send(waiting, "cancellation").text
    run_worker()
    assert "Stopped" in lead.visit(waiting.path).text
    newer = lead.send(lead.visit("/reports/what-if"), "what-if", **DRAFT)
    lead.visit(waiting.path, status=404)
    assert lead.get(f"{waiting.path}/progress").headers["HX-Refresh"] == "true", "an open page learns of it"
    run_worker()
    assert "would newly miss" in lead.visit(newer.path).text


FAULTS = [
    (
        {"normal_resolution": "0"},
        "Resolution, priority Normal: enter more than nothing and at most 2000 hours.",
    ),
    ({"urgent_first_response": "-2 h"}, "First response, priority Urgent: enter more than nothing"),
    (
        {"low_periodic_update": "10000 h"},
        "Update, priority Low: enter more than nothing and at most 2000 hours.",
    ),
    ({"low_resolution": "soon"}, "Resolution, priority Low: “soon” is no length of time."),
    ({"months": "13"}, "Choose 1 to 12 months."),
    ({"months": "many"}, "Choose 1 to 12 months."),
    ({"months": ""}, "Enter a number of months."),
    ({"friday": "9-25"}, "“9-25” are no hours of a day."),
    ({"friday": "9-12, 11-17"}, "Hours overlap here"),
    (dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), ""), "nobody ever works"),
    ({}, "so far the draft is what holds today"),
]


def test_what_is_no_draft_comes_back_with_what_was_typed(
    tickets: int, sign_in: Callable[..., Browser]
) -> None:
    lead = sign_in(LEAD)
    for fields, sentence in FAULTS:
        page = lead.send(lead.visit("/reports/what-if"), "what-if", status=422, **fields)
        assert sentence in page.summary, fields
        held = {field.get("name"): field.get("value") for field in page.form("what-if").iter("input")}
        assert {name: held[name] for name in fields} == fields
    gone = lead.visit("/reports/what-if")
    lead.send(gone, "what-if", status=404, policy_id="999")


def test_without_tickets_there_is_nothing_to_try(app: Flask, sign_in: Callable[..., Browser]) -> None:
    lead = sign_in(LEAD)
    assert "No promises yet" in lead.visit("/reports/what-if").text
    assert "No tickets yet" in lead.visit("/reports/").text
    with app.extensions["portal"].database.session(write=True) as session:
        promise_everything(session)
        session.commit()
    page = lead.send(lead.visit("/reports/what-if"), "what-if", status=422, **DRAFT)
    assert "No tickets were created in this period" in page.summary


@pytest.mark.both_databases
def test_a_worker_killed_while_it_computes(
    database_url: str, tmp_path: Path, live: Callable[..., Live], backend: str
) -> None:
    environ = live(tmp_path / "data", PORTAL_DATABASE_URL=database_url).environ
    database = Database(database_url)
    with database.session(write=True) as session:
        policy_id = promise_everything(session, now=now())
        lead = crowd(session, 40, now=now())
        draft = Draft(policy_id, {"normal": {"resolution": 1}})
        run = trials.start(session, draft, months=12, author_id=lead.id, now=now())
        session.commit()
    points = ("counting", "counted", "never")
    command = [sys.executable, "-m", "tests.support.doomed_trial", *points]
    told = subprocess.run(
        command, cwd=ROOT, env=environ, check=True, timeout=120, capture_output=True, text=True
    )
    assert told.stdout.splitlines() == [
        "counting -9 running queued",
        "counted -9 done queued",
        "never 0 done done",
    ]
    with database.session(write=False) as session:
        kept = session.get_one(WhatIfRun, run.id)
    assert kept.result is not None
    assert kept.result["tickets"] == kept.total
    assert kept.result["worse"]["count"] > 0
    database.dispose()


def _count(app: Flask, column: Any) -> int:
    with app.extensions["portal"].database.session(write=False) as session:
        return session.scalar(select(func.max(column))) or 0
