"""The demo: an invented firm, Kontorwerk, with customers, a team, articles, votes and legal texts; and taking it away.

Everything it makes is recognised again by its addresses under `.example` (reserved, so never anybody's), its slugs
or its shipped text. Accounts get random passwords, written to `demo-accounts.json` for whoever owns the host.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import yaml
from flask import Flask
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app import audit, demo_articles, demo_tickets, preferences
from app.accounts import organisations, passwords, people, teams
from app.accounts.models import (
    ADMIN,
    AGENT,
    COLLEAGUE,
    EDITOR,
    MANAGER,
    Membership,
    Organisation,
    Person,
    Segment,
    SegmentMember,
    Team,
)
from app.accounts.permissions import Held
from app.articles import editions, importing, starter
from app.articles.importing import CATEGORIES, Outcome, Source
from app.articles.models import Article, ArticleText, ArticleVote, Category
from app.articles.service import Door
from app.db import all_tables
from app.errors import Refused
from app.legal import queries as legal_queries
from app.legal import service as legal_service
from app.now import now
from app.tickets.models import Ticket
from app.tickets.rules import Rules
from app.web import Portal

DOMAIN = ".example"  # RFC 2606: never an address on the internet
ACCOUNTS = "demo-accounts.json"
COMPANY = {"de": "Kontorwerk", "en": "Kontorwerk"}
TEAM = "Kundenservice"
ORGANISATIONS = (("Stadtwerke Fulda", "stadtwerke-fulda"), ("Praxis Dr. Größmann", "praxis-groessmann"))
SEGMENT = ("wartungsvertrag", "Kundschaft mit Wartungsvertrag")
BLOCK = 200


@dataclass(frozen=True, slots=True)
class Account:
    """A person of the demo who can sign in. `place` is her organisation and role there."""

    role: str
    name: str
    email: str
    language: str
    held: tuple[Held, ...] = ()
    place: tuple[str, str] | None = None


CAST = (
    Account("customer", "Jörg Größmann", "joerg@praxis-groessmann.example", "de", (), ("praxis-groessmann", MANAGER)),
    Account("customer", "Aylin Demir", "aylin@stadtwerke-fulda.example", "de", (), ("stadtwerke-fulda", MANAGER)),
    Account("customer", "Tom Baker", "tom@stadtwerke-fulda.example", "en", (), ("stadtwerke-fulda", COLLEAGUE)),
    Account("agent", "Ana Kovač", "ana@kontorwerk.example", "de", (Held(AGENT),)),
    Account("agent", "Lukas Weiß", "lukas@kontorwerk.example", "de", (Held(AGENT),)),
    Account("editor", "Frieda Sommer", "frieda@kontorwerk.example", "de", (Held(EDITOR),)),
    Account("admin", "Merle Aßhauer", "merle@kontorwerk.example", "de", (Held(ADMIN),)),
)  # fmt: skip

FIRST = (
    "Mia",
    "Ben",
    "Emma",
    "Paul",
    "Lea",
    "Noah",
    "Lina",
    "Elif",
    "Jonas",
    "Zoé",
    "Piotr",
    "Greta",
    "Murat",
    "Ida",
)
LAST = (
    "Müller",
    "Weber",
    "Yılmaz",
    "Schäfer",
    "Koch",
    "Nowak",
    "Groß",
    "Huber",
    "Gruber",
    "Baumann",
    "Krüger",
)

Follow = Callable[[Iterable[list[Source]], str, int], Iterable[list[Source]]]


def _quietly(blocks: Iterable[list[Source]], label: str, total: int) -> Iterable[list[Source]]:
    return blocks


def load(
    app: Flask,
    *,
    articles: int = 0,
    customers: int = 0,
    agents: int = 0,
    tickets: int = 0,
    seed: int = 1,
    follow: Follow = _quietly,
) -> Outcome:
    """Load the demo: starter texts, the firm, and on top so many generated articles a language, customers, agents and
    requests.

    Safe to repeat: what is there already stays. Gives what became of the articles. `follow` shows progress.
    """
    portal: Portal = app.extensions["portal"]
    door = Door(None, now(), "command line", bulk=True)
    outcome = Outcome()
    hashes = _passwords(portal)
    with _changing(portal) as session:
        firm(session, door, hashes, portal.languages)
        crowd(session, customers, agents, seed, door)
        loaded = starter.load(session, door=door)
        outcome.touched |= loaded.touched
        outcome.safety_nets += loaded.safety_nets
        importing.take_categories(session, starter.CONTENT / CATEGORIES, only="demo", door=door)
    shipped = starter.shipped("demo")
    made = (Source(f"{entry.lang}/{entry.slug}", entry) for entry in demo_articles.articles(articles, seed))
    blocks = _blocks(chain(shipped, made))
    for block in follow(blocks, "Articles", -(-(len(shipped) + 2 * articles) // BLOCK)):
        with _changing(portal) as session:
            importing.take_all(session, block, outcome, door=door)
    with _changing(portal) as session:
        readers(session, seed, door.now)
    with portal.database.session(write=False) as session:
        importing.follow(session, portal.search_dir, outcome)
    with _changing(portal) as session:
        importing.forget_nets(session, outcome)
    _requests(portal, tickets, seed, door.now)
    return outcome


def _requests(portal: Portal, number: int, seed: int, moment: datetime) -> None:
    """The firm's request types and promises, the story of the demo, and so many requests more."""
    with _changing(portal) as session:
        demo_tickets.request_types(session, now=moment)
        demo_tickets.promises(session, SEGMENT[0], time_zone=portal.timezone, now=moment)
        rules = Rules.of(
            preferences.Preferences.read(session),
            secret=portal.secret_key,
            time_zone=portal.timezone,
            undo_seconds=0,
            limited=False,
        )
        demo_tickets.story(session, rules, now=moment)
    with portal.database.session(write=True) as session:
        for _ in demo_tickets.mass(session, number, seed, rules=rules, now=moment):
            session.commit()
        session.commit()


def _forget(session: Session, going: Any, kind: type[Person | Ticket]) -> None:
    """Delete rows that would keep others from being deleted: proof of consents, holds, looks of the team."""
    for table in all_tables():
        for column in table.columns:
            if any(
                key.column is kind.__table__.c.id and key.ondelete == "RESTRICT"
                for key in column.foreign_keys
            ):
                session.execute(delete(table).where(column.in_(going)))


def clear(app: Flask) -> None:
    """Take the demo away: its people with their requests, organisations, articles, legal texts and name. Starter texts
    stay."""
    portal: Portal = app.extensions["portal"]
    moment = now()
    with _changing(portal) as session:
        gone = _remove_articles(session)
        nobody = Person.email.endswith(DOMAIN, autoescape=True)
        theirs = select(Person.id).where(nobody)
        _forget(session, select(Ticket.id).where(Ticket.requester_id.in_(theirs)), Ticket)
        session.execute(delete(Ticket).where(Ticket.requester_id.in_(theirs)))
        demo_tickets.forget_promises(session, now=moment)
        _forget(session, theirs, Person)
        session.execute(delete(Person).where(nobody))
        empty = ~select(Membership.id).where(Membership.organisation_id == Organisation.id).exists()
        slugs = [slug for _, slug in ORGANISATIONS]
        session.execute(delete(Organisation).where(Organisation.slug.in_(slugs), empty))
        session.execute(delete(Segment).where(Segment.slug == SEGMENT[0]))
        session.execute(delete(Team).where(Team.name == TEAM))
        if preferences.Preferences.read(session)["company_name"] == COMPANY:
            default = preferences.BY_NAME["company_name"].default
            preferences.change(
                session, "company_name", default, actor_id=None, now=moment, through="command line"
            )
        _publish_texts(session, back=True, moment=moment, languages=portal.languages)
        editions.turn(session)
        audit.record(
            session,
            actor_id=None,
            action="demo.clear",
            object_kind="article",
            object_id=None,
            at=moment,
            through="command line",
            count=len(gone),
        )
    with portal.database.session(write=False) as session:
        importing.follow(session, portal.search_dir, Outcome(touched=gone))
    (portal.data_dir / ACCOUNTS).unlink(missing_ok=True)


# --- the firm ------------------------------------------------------------------------------------------------------


def firm(session: Session, door: Door, hashes: dict[str, str], languages: tuple[str, ...]) -> None:
    """The firm's name, legal texts, organisations, customer group, team and accounts, as far as they are missing."""
    through = {"actor_id": None, "now": door.now, "through": door.through}
    if preferences.Preferences.read(session)["company_name"] == preferences.BY_NAME["company_name"].default:
        preferences.change(session, "company_name", COMPANY, **through)  # type: ignore[arg-type]
    _publish_texts(session, back=False, moment=door.now, languages=languages)
    known = {row[0]: row[1] for row in session.execute(select(Organisation.slug, Organisation.id))}
    for name, slug in ORGANISATIONS:
        if slug not in known:
            known[slug] = organisations.create(session, name=name, slug=slug, **through).id  # type: ignore[arg-type]
    if session.scalar(select(Segment.id).where(Segment.slug == SEGMENT[0])) is None:
        segment = Segment(slug=SEGMENT[0], name=SEGMENT[1])
        session.add(segment)
        session.flush()
        session.add(SegmentMember(segment_id=segment.id, organisation_id=known["praxis-groessmann"]))
    team = teams.named(session, TEAM) or teams.create(session, name=TEAM, **through)  # type: ignore[arg-type]
    for account in CAST:
        if session.scalar(select(Person.id).where(Person.email == account.email)) is not None:
            continue
        person = people.create(
            session,
            name=account.name,
            address=account.email,
            held=account.held,
            language=account.language,
            password_hash=hashes[account.email],
            **through,  # type: ignore[arg-type]
        )
        if account.place:
            organisations.place(session, known[account.place[0]], person.id, account.place[1], now=door.now)
        if account.role == "agent":
            teams.add_member(session, team.id, person.id, **through)  # type: ignore[arg-type]


def _passwords(portal: Portal) -> dict[str, str]:
    """A random password for every account, written beside the data; gives their hashes. Kept ones are not changed."""
    path = portal.data_dir / ACCOUNTS
    with portal.database.session(write=False) as session:
        known = set(session.scalars(select(Person.email).where(Person.email.in_([a.email for a in CAST]))))
    kept = {held["email"]: held["password"] for held in json.loads(path.read_text())} if path.exists() else {}
    typed = {
        account.email: kept.get(account.email) or secrets.token_urlsafe(12)
        for account in CAST
        if account.email not in known or account.email in kept
    }
    rows = [
        {"role": a.role, "email": a.email, "password": typed[a.email], "name": a.name}
        for a in CAST
        if a.email in typed
    ]
    _write_private(path, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    return {email: passwords.hashed(text) for email, text in typed.items() if email not in known}


def _write_private(path: Path, text: str) -> None:
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def _publish_texts(session: Session, *, back: bool, moment: datetime, languages: tuple[str, ...]) -> None:
    """Publish the firm's legal texts where the shipped ones stand, or (`back`) the other way round."""
    for lang in languages:
        for path in sorted((starter.CONTENT / lang / "demo_legal").glob("*.md")):
            own, shipped = path.read_text(encoding="utf-8"), legal_queries.shipped(path.stem, lang)
            standing = legal_queries.current(session, path.stem, lang)
            if standing.body == (own if back else shipped):
                legal_service.publish(
                    session,
                    path.stem,
                    lang,
                    shipped if back else own,
                    based_on=standing.version,
                    actor_id=None,
                    now=moment,
                    through="command line",
                )


# --- the crowd -----------------------------------------------------------------------------------------------------


def crowd(session: Session, customers: int, agents: int, seed: int, door: Door) -> None:
    """Further customers and agents who cannot sign in (no password), for trials at size."""
    chance = Random(seed)  # noqa: S311 (invented names)
    team_id = session.scalars(select(Team.id).where(Team.name == TEAM)).one()
    wanted = [f"customer-{n + 1}@kundschaft.example" for n in range(customers)]
    wanted += [f"agent-{n + 1}@kontorwerk.example" for n in range(agents)]
    known = set(session.scalars(select(Person.email).where(Person.email.endswith(DOMAIN, autoescape=True))))
    through = {"actor_id": None, "now": door.now, "through": door.through}
    for address in wanted:
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        held = (Held(AGENT),) if address.startswith("agent-") else ()
        if address in known:
            continue
        person = people.create(session, name=name, address=address, held=held, language="de", **through)  # type: ignore[arg-type]
        if held:
            teams.add_member(session, team_id, person.id, **through)  # type: ignore[arg-type]


def readers(session: Session, seed: int, moment: datetime) -> None:
    """Plausible views and votes for demo articles that nobody has read yet, and days on which they were written."""
    chance = Random(seed)  # noqa: S311 (invented figures)
    unread = session.execute(
        select(ArticleText.id, Article.audience)
        .join(Article, Article.id == ArticleText.article_id)
        .where(ArticleText.views == 0, ArticleText.starter.is_(None))
        .order_by(ArticleText.id)
    ).all()
    figures, votes = [], []
    for text_id, _ in unread:
        views = int(chance.paretovariate(1.1) * 12)
        yes, no = int(views * chance.uniform(0.02, 0.08)), int(views * chance.uniform(0, 0.02))
        written = moment - timedelta(days=chance.randint(1, 400), seconds=chance.randint(0, 86_400))
        figures.append(
            {"id": text_id, "views": views, "helpful_yes": yes, "helpful_no": no}
            | {"published_at": written, "updated_at": written}
        )
        votes += [
            {
                "article_text_id": text_id,
                "helpful": n >= min(no, 3),
                "created_at": moment,
                "reason": None,
                "comment": None,
            }
            for n in range(min(yes, 3) + min(no, 3))
        ]
    if figures:
        session.execute(update(ArticleText), figures)
        editions.turn(session)
    if votes:
        session.execute(insert(ArticleVote), votes)


# --- in common -----------------------------------------------------------------------------------------------------


def _remove_articles(session: Session) -> set[int]:
    """Delete the demo's articles and the categories that are empty then. Gives the ids of the texts."""
    items = [source.item for source in starter.shipped("demo")]
    shipped = {(item.lang, item.slug) for item in items if not isinstance(item, Refused)}
    rows = session.execute(
        select(ArticleText.id, ArticleText.article_id, ArticleText.lang, ArticleText.slug).where(
            ArticleText.starter.is_(None)
        )
    )
    gone = [
        row for row in rows if (row.lang, row.slug) in shipped or row.slug.startswith(demo_articles.PREFIX)
    ]
    for start in range(0, len(gone), BLOCK):
        block = gone[start : start + BLOCK]
        session.execute(delete(Article).where(Article.id.in_([row.article_id for row in block])))
    used = select(Article.category_id).where(Article.category_id.is_not(None))
    named = select(Category.id).where(Category.path.in_(_demo_categories()), Category.id.not_in(used))
    session.execute(delete(Category).where(Category.id.in_(named)))
    return {row.id for row in gone}


def _demo_categories() -> list[str]:
    held = yaml.safe_load((starter.CONTENT / CATEGORIES).read_text(encoding="utf-8"))
    return [row["slug"] for row in held if row["set"] == "demo"]


def _blocks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    block: list[Source] = []
    for source in sources:
        block.append(source)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


@contextmanager
def _changing(portal: Portal) -> Iterator[Session]:
    with portal.database.session(write=True) as session:
        yield session
        session.commit()
