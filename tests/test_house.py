"""The small keepers of the house: drafts, throttles, preferences, the audit log, letters' words, observations."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app import audit, drafts, letters, observe, preferences, throttle
from app.accounts.models import Person
from app.audit import AuditEntry
from app.db import Database
from app.drafts import Draft
from app.errors import Refused
from app.letters import Letter, LetterText, Markdown
from app.now import now
from app.preferences import PREFERENCES, Preferences
from app.throttle import Limit, Throttle
from tests import factories

T0 = now()
SECRET = "the portal's key"
LIMIT = Limit("sign-in", 5, timedelta(minutes=10))


# --- drafts --------------------------------------------------------------------------------------------------------


def test_a_draft_is_one_a_person_and_form(database: Database) -> None:
    with database.session(write=True) as session:
        ada, bob = factories.person(session).id, factories.person(session).id
        drafts.save(session, ada, "article/1", {"title": "first"}, now=T0)
        drafts.save(session, ada, "article/1", {"title": "Größe \U0001f600"}, now=T0 + timedelta(hours=1))
        drafts.save(session, ada, "article/2", {"title": "other"}, now=T0)
        drafts.save(session, bob, "article/1", {"title": "hers"}, now=T0)
        session.commit()
        found = drafts.load(session, ada, "article/1")
        assert found is not None
        assert (found.fields, found.saved_at) == ({"title": "Größe \U0001f600"}, T0 + timedelta(hours=1))
        drafts.discard(session, ada, "article/1")
        assert drafts.load(session, ada, "article/1") is None
        assert drafts.sweep(session, before=T0 + timedelta(seconds=1)) == 2


def test_drafts_out_of_proportion_are_refused(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session).id
        for form, fields in (
            ("f", {"body": "x" * (drafts.MAX_CHARACTERS + 1)}),
            ("f", {str(number): "" for number in range(drafts.MAX_FIELDS + 1)}),
            ("f" * 201, {"a": "b"}),
        ):
            with pytest.raises(Refused):
                drafts.save(session, person, form, fields, now=T0)
        drafts.save(session, person, "f", {"body": "x" * drafts.MAX_CHARACTERS}, now=T0)


def test_drafts_go_with_their_person(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        drafts.save(session, person.id, "f", {"a": "b"}, now=T0)
        session.delete(session.get_one(Person, person.id))
        session.commit()
        assert session.scalars(select(Draft.id)).all() == []


# --- throttles -----------------------------------------------------------------------------------------------------


def tries(session: Any, subject: str = "a@b.example", limit: Limit = LIMIT, at: Any = T0) -> int:
    return throttle.tries(session, limit, subject, secret=SECRET, now=at)


def test_tries_are_counted_by_limit_subject_and_window(database: Database) -> None:
    with database.session(write=True) as session:
        assert [tries(session) for _ in range(3)] == [1, 2, 3]
        assert tries(session, "c@d.example") == 1
        assert tries(session, limit=Limit("reset", 5, timedelta(minutes=10))) == 1
        ends = throttle.ends_at(session, LIMIT, "a@b.example", secret=SECRET)
        assert ends == T0 + LIMIT.window
        assert tries(session, at=T0 + LIMIT.window - timedelta(seconds=1)) == 4
        assert tries(session, at=T0 + LIMIT.window) == 1
        throttle.give_back(session, LIMIT, "a@b.example", secret=SECRET)
        throttle.give_back(session, LIMIT, "a@b.example", secret=SECRET)
        assert tries(session, at=T0 + LIMIT.window) == 1
        throttle.forget(session, LIMIT, "a@b.example", secret=SECRET)
        assert throttle.ends_at(session, LIMIT, "a@b.example", secret=SECRET) is None


def test_the_table_tells_no_address(database: Database) -> None:
    with database.session(write=True) as session:
        tries(session, "jane@example.org")
        (row,) = session.execute(text("SELECT * FROM throttle")).all()
        assert "jane" not in str(tuple(row))
        assert throttle.ends_at(session, LIMIT, "jane@example.org", secret="another key") is None


def test_ended_windows_are_swept(database: Database) -> None:
    with database.session(write=True) as session:
        tries(session, "a")
        tries(session, "b", at=T0 + timedelta(minutes=5))
        throttle.sweep(session, now=T0 + LIMIT.window)
        assert len(session.scalars(select(Throttle.id)).all()) == 1


def test_tries_at_once_are_all_counted(database: Database) -> None:
    counted: list[int] = []

    def one() -> None:
        with database.light_session() as session:
            counted.append(tries(session, "crowd"))
            session.commit()

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == list(range(1, 17))


# --- preferences ---------------------------------------------------------------------------------------------------


def test_every_preference_has_a_default_that_fits_it() -> None:
    assert len({preference.name for preference in PREFERENCES}) == len(PREFERENCES)
    for preference in PREFERENCES:
        preferences._check(preference, preference.default)
        assert preference.label
        assert preference.group
        if preference.name.startswith("period_"):
            assert Preferences({}).period(preference.name) > timedelta(0)


def test_a_preference_is_changed_once_and_noted(database: Database) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, "admin").id
        assert Preferences.read(session)["period_draft_days"] == 30
        assert preferences.change(session, "period_draft_days", 7, actor_id=admin, now=T0)
        assert not preferences.change(session, "period_draft_days", 7, actor_id=admin, now=T0)
        assert Preferences.read(session).period("period_draft_days") == timedelta(days=7)
        (entry,) = session.scalars(select(AuditEntry))
        assert (entry.action, entry.actor_id) == ("preference.change", admin)
        assert entry.details == {"name": "period_draft_days", "from": 30, "to": 7}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period_draft_days", 0),
        ("period_draft_days", 366),
        ("period_draft_days", "7"),
        ("period_draft_days", True),
        ("sign_up_open", 1),
        ("company_name", "just text"),
        ("company_name", {"de": 1}),
    ],
)
def test_values_that_do_not_fit_are_refused(database: Database, name: str, value: Any) -> None:
    with database.session(write=True) as session:
        with pytest.raises(Refused) as refused:
            preferences.change(session, name, value, actor_id=None, now=T0)
        assert refused.value.field == name
        assert session.scalars(select(AuditEntry.id)).all() == []


def test_a_localised_preference_falls_back(database: Database) -> None:
    read = Preferences({"company_name": {"de": "", "en": "Firm"}})
    assert (read.localised("company_name", "de"), read.localised("company_name", "en")) == ("Firm", "Firm")


# --- audit, observations -------------------------------------------------------------------------------------------


def test_an_entry_lives_and_dies_with_its_change(database: Database) -> None:
    more = {"object_kind": "team", "object_id": 1, "at": T0}
    with database.session(write=True) as session:
        audit.record(session, actor_id=None, action="team.create", through="command line", **more)
    with database.session(write=True) as session:
        actor = factories.person(session, "admin").id
        audit.record(session, actor_id=actor, action="team.rename", fields=["name"], **more)
        session.commit()
        (entry,) = session.scalars(select(AuditEntry))
        assert (entry.action, entry.through, entry.details) == ("team.rename", "web", {"fields": ["name"]})
        session.delete(session.get_one(Person, actor))
        session.commit()
    with database.session(write=False) as session:
        assert session.scalars(select(AuditEntry.actor_id)).all() == [None], "the entry outlives the person"


def test_a_heartbeat_is_one_row(database: Database) -> None:
    for seconds in (0, 30):
        with database.light_session() as session:
            observe.beat(session, "worker", now=T0 + timedelta(seconds=seconds))
            session.commit()
    with database.session(write=False) as session:
        assert observe.last_beat(session, "worker") == T0 + timedelta(seconds=30)
        assert observe.last_beat(session, "web") is None


# --- words of letters ----------------------------------------------------------------------------------------------

LETTER = Letter(
    "t.test",
    "For tests",
    "Hello {name}",
    "Open **this**: {link}",
    (("name", "Name"), ("link", "Link")),
    required=("link",),
)


def compose(session: Any, lang: str = "en", **values: str) -> letters.Message:
    given = {"name": "Jane", "link": "https://x.example/a", **values}
    return letters.compose(
        session,
        LETTER,
        to="a@b.example",
        lang=lang,
        values=given,
        translate=lambda words: f"[{lang}] {words}",
        footer="Why & how",
    )


def test_shipped_words_until_an_admin_changes_them(database: Database) -> None:
    with database.session(write=True) as session:
        assert compose(session, "de").subject == "[de] Hello Jane"
        letters.change(session, LETTER, {"de": "Moin {name}"}, {"de": "Bitte {link}"}, actor_id=None, now=T0)
        assert compose(session, "de").subject == "Moin Jane"
        assert compose(session, "de").text == "Bitte https://x.example/a\n\n-- \nWhy & how\n"
        assert compose(session, "en").subject == "[en] Hello Jane"
        letters.change(session, LETTER, {"de": " "}, {"de": ""}, actor_id=None, now=T0)
        assert compose(session, "de").subject == "[de] Hello Jane"
        assert len(session.scalars(select(LetterText.id)).all()) == 1
        assert session.scalars(select(AuditEntry.action)).all() == ["letter.change"] * 2


def test_changed_words_keep_what_the_letter_needs(database: Database) -> None:
    with database.session(write=True) as session:
        for subject, body in (("{nam}", "{link}"), ("x", "no link"), ("x", "{link} {other}")):
            with pytest.raises(Refused):
                letters.change(session, LETTER, {"en": subject}, {"en": body}, actor_id=None, now=T0)
        assert session.scalars(select(LetterText.id)).all() == []


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/p.gif)",
        "*a* `b` # c",
        "{link}",
    ],
)
def test_values_stay_plain_in_the_html_part(database: Database, evil: str) -> None:
    with database.session(write=False) as session:
        made = compose(session, name=evil, link=evil)
    assert evil in made.text
    assert "<script" not in made.html
    assert "javascript:" not in made.html or 'href="javascript' not in made.html
    assert "<img" not in made.html
    assert made.html.count("<strong>") == 1, "only the letter's own Markdown is Markdown"
    assert "<em>" not in made.html
    assert "Why &amp; how" in made.html


def test_an_answer_of_the_team_keeps_its_marks(database: Database) -> None:
    with database.session(write=False) as session:
        assert "<em>now</em>" in compose(session, link=Markdown("do it *now*")).html


def test_a_subject_is_one_line(database: Database) -> None:
    with database.session(write=False) as session:
        assert compose(session, name="a\r\nBcc: x\n y").subject == "[en] Hello a Bcc: x y"
