"""The demo's requests: a story to walk through, and as many more as a trial needs, written in bulk.

The story is told by the same verbs as pages use, only earlier in time. The mass is made of plausible histories whose
events the SLA engine judges like any other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app import drafts, schema
from app.accounts.models import Membership, Person, Segment, Team
from app.accounts.permissions import Viewer
from app.accounts.queries import viewer_of_person
from app.sla import policy_keeping
from app.sla import service as sla
from app.sla.queries import book
from app.sla.terms import Step, Terms
from app.tickets import deadlines, derived, handling, opening, policy_edits, queries, service, types
from app.tickets.books import Books
from app.tickets.matching import Facts
from app.tickets.messages import Request, Text
from app.tickets.models import Message, RequestType, Ticket, TicketEvent
from app.tickets.queries import TypeChoice
from app.tickets.rules import Rules

TEAM = "Kundenservice"

# --- what the firm's customers choose from ---------------------------------------------------------------------------

TYPES = (
    ({"de": "Bestellung und Lieferung", "en": "Order and delivery"}, "normal", "ticket_support"),
    ({"de": "Rechnung und Zahlung", "en": "Invoice and payment"}, "normal", "receipt"),
    ({"de": "Kaffeemaschine", "en": "Coffee machine"}, "high", "ticket_support"),
    ({"de": "Reklamation", "en": "Complaint"}, "high", "trade_letter"),
    ({"de": "Etwas anderes", "en": "Something else"}, "low", "ticket_support"),
)


def request_types(session: Session, *, now: datetime) -> None:
    """The firm's request types, unless there are any."""
    if session.scalar(select(func.count()).select_from(RequestType)):
        return
    team_id = session.scalar(select(Team.id).where(Team.name == TEAM))
    for place, (name, priority, retention) in enumerate(TYPES, 1):
        values = types.Values(name, {}, team_id, priority, retention, 10 * place, True)
        types.add(session, values, actor_id=None, now=now)


PROMISE = "Maschinen mit Wartungsvertrag"


def promises(session: Session, segment: str, *, time_zone: str, now: datetime) -> None:
    """A second promise beside the standard one, unless there is one: broken machines of customers with a maintenance
    contract are repaired within a time, too, and somebody is told before it ends."""
    sla.ensure_defaults(session, time_zone=time_zone, now=now)
    policies = policy_keeping.in_order(session)
    segment_id = session.scalar(select(Segment.id).where(Segment.slug == segment))
    kinds = {kind.name["en"]: kind.id for kind in queries.request_types(session)}
    if len(policies) != 1 or segment_id is None or "Coffee machine" not in kinds:
        return
    standard = policy_keeping.terms_of(session, policy_keeping.newest_version(session, policies[0].id))
    repaired = {"urgent": (8 * 60, 120), "high": (16 * 60, 240), "normal": (24 * 60, 240)}
    terms = Terms(
        name=PROMISE,
        calendar_id=standard.calendar_id,
        targets={
            **standard.targets,
            **{("resolution", priority): times for priority, times in repaired.items()},
        },
        conditions={"request_type": [kinds["Coffee machine"]], "segment": [segment_id]},
        steps=(
            Step("resolution", -60, "notify", "lead", working_hours=True),
            Step("resolution", 0, "priority", "urgent"),
        ),
    )
    policy_keeping.save(session, None, terms, actor_id=None, now=now)


def forget_promises(session: Session, *, now: datetime) -> None:
    """Take the second promise away with the firm; one that other tickets have is switched off."""
    policy = next((one for one in policy_keeping.in_order(session) if one.name == PROMISE), None)
    if policy is not None and policy_edits.in_use(session, policy.id):
        policy_keeping.switch(session, policy.id, False, actor_id=None, now=now, gap=True)
    elif policy is not None:
        policy_keeping.delete(session, policy.id, actor_id=None, now=now, gap=True)


# --- the story -------------------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """Shorthand for telling the story."""

    session: Session
    rules: Rules
    now: datetime
    people: dict[str, Viewer]
    kinds: dict[str, TypeChoice]

    def asks(self, who: str, kind: str, subject: str, body: str, at: datetime, language: str = "de") -> int:
        wanted = Request(
            subject=subject,
            body=body,
            send_key=secrets.token_urlsafe(9),
            language=language,
            kind=self.kinds[kind],
        )
        sent = opening.open_ticket(self.session, wanted, viewer=self.people[who], rules=self.rules, now=at)
        return sent.ticket_id

    def answers(self, who: str, ticket_id: int, body: str, at: datetime, after: str = "pending") -> None:
        viewer = self.people[who]
        handling.assign(self.session, ticket_id, viewer.person_id, viewer=viewer, now=at)
        service.reply_as_agent(
            self.session,
            ticket_id,
            Text(body, secrets.token_urlsafe(9)),
            viewer=viewer,
            rules=self.rules,
            now=at,
            status_after=after,
        )

    def replies(self, who: str, ticket_id: int, body: str, at: datetime) -> None:
        text = Text(body, secrets.token_urlsafe(9))
        service.reply_as_customer(
            self.session, ticket_id, text, reader=self.people[who], rules=self.rules, now=at
        )

    def notes(self, who: str, ticket_id: int, body: str, at: datetime) -> None:
        text = Text(body, secrets.token_urlsafe(9))
        service.add_note(self.session, ticket_id, text, viewer=self.people[who], now=at)

    def ago(self, **time: float) -> datetime:
        return self.now - timedelta(**time)

    def due_in(self, minutes: int, priority: str) -> datetime:
        """When a request of this priority must have been sent so that its answer is due in about so many minutes
        (or, out of hours, first thing when the team is back); negative: so long ago."""
        wanted = self.now + timedelta(minutes=minutes)
        best = self.now
        for step in range(2000):  # back in steps of ten minutes, about two weeks
            sent = self.now - timedelta(minutes=10 * step)
            due = deadlines.latest(deadlines.foreseen(self.session, [Facts(priority)], now=sent))
            if due is None or due < wanted:
                return sent if minutes < 0 else best
            best = sent
        return best


def story(session: Session, rules: Rules, *, now: datetime) -> bool:
    """Tell the demo's story, once. False if there are requests already."""
    if session.scalar(select(Ticket.id).limit(1)) is not None:
        return False
    sla.ensure_defaults(session, time_zone=rules.time_zone, now=now)
    scene = Scene(session, rules, now, _cast(session), {})
    scene.kinds = {kind.name["en"]: kind for kind in queries.request_types(session)}

    about = scene.asks(
        "joerg",
        "Coffee machine",
        "K2 zeigt E05 – morgen kommt die Ärztekammer",
        "Guten Tag,\n\nunsere K2 zeigt seit heute Morgen **E05** und brüht nicht mehr. Morgen haben wir 30 Gäste.\n\n"
        "Entkalkt haben wir letzte Woche.",
        scene.due_in(20, "high"),
    )
    handling.change_priority(
        session,
        about,
        "high",
        viewer=scene.people["ana"],
        time_zone=rules.time_zone,
        now=scene.ago(minutes=5),
    )
    missed = scene.asks(
        "aylin",
        "Order and delivery",
        "Lieferung vom Montag fehlt noch immer",
        "Die Bestellung sollte am Montag kommen. In der Sendungsverfolgung steht seit drei Tagen nichts Neues.",
        scene.due_in(-90, "normal"),
    )
    scene.notes("lukas", missed, "Beim Paketdienst nachgefragt, Rückruf steht aus.", scene.ago(minutes=50))
    complaint = scene.asks(
        "tom",
        "Complaint",
        "Third wrong delivery in a row",
        "Hello,\n\nfor the third time we received decaf instead of Espresso Forte. This is not acceptable. "
        "We expect a replacement this week and a credit note.",
        scene.ago(days=2, hours=3),
        "en",
    )
    scene.answers(
        "ana",
        complaint,
        "Dear Tom Baker,\n\nyou are right, and we are sorry. The replacement leaves today. "
        "The credit note follows with the next collective invoice.",
        scene.ago(days=2, hours=1),
        after="open",
    )
    thanks = scene.asks(
        "aylin",
        "Invoice and payment",
        "Kostenstelle auf der Rechnung fehlt",
        "Auf der Oktoberrechnung fehlt unsere Kostenstelle 4711.",
        scene.ago(days=3),
    )
    scene.answers(
        "lukas",
        thanks,
        "Guten Tag Aylin Demir,\n\ndie Rechnung mit der Kostenstelle 4711 liegt jetzt in Ihrem Konto.",
        scene.ago(days=2, hours=20),
        after="solved",
    )
    scene.replies("aylin", thanks, "Danke!", scene.ago(days=1))
    drafted = scene.asks(
        "joerg",
        "Order and delivery",
        "Abo auf alle sechs Wochen umstellen",
        "Wir trinken weniger Kaffee als gedacht. Können Sie das Abo auf sechs Wochen umstellen?",
        scene.ago(hours=3),
    )
    ana = scene.people["ana"]
    drafts.save(
        session,
        ana.person_id or 0,
        f"ticket-reply:{drafted}",
        {"message": "Guten Tag Jörg Größmann,\n\ngern. Ab der nächsten Lieferung kommt Ihr Kaffee"},
        now=scene.ago(minutes=30),
    )
    waiting = scene.asks(
        "aylin",
        "Coffee machine",
        "Milchschaum wird nicht fest",
        "Seit dem Wechsel der Milch wird der Schaum nicht mehr fest.",
        scene.ago(days=4),
    )
    scene.answers(
        "ana",
        waiting,
        "Guten Tag Aylin Demir,\n\nwelche Milch verwenden Sie, und wie kalt ist sie? Am besten klappt es bei 4 bis 6 °C.",
        scene.ago(days=3, hours=20),
    )
    held = scene.asks(
        "joerg",
        "Invoice and payment",
        "Zahlung doppelt abgebucht",
        "Am 3. wurde der Betrag zweimal abgebucht. Bitte erstatten Sie einen davon.",
        scene.ago(days=1, hours=4),
    )
    scene.notes(
        "lukas", held, "Buchhaltung prüft, Antwort bis Donnerstag zugesagt.", scene.ago(days=1, hours=2)
    )
    handling.change_status(
        session, held, "on_hold", viewer=scene.people["lukas"], now=scene.ago(days=1, hours=2)
    )
    opening.open_as_guest(
        session,
        Request(
            subject="Liefern Sie auch nach Liechtenstein?",
            body="Guten Tag, wir sind ein kleines Büro in Vaduz. Liefern Sie auch zu uns?",
            send_key=secrets.token_urlsafe(9),
            language="de",
            kind=scene.kinds["Something else"],
        ),
        name="Gabi Oehri",
        address="gabi@kanzlei-oehri.example",
        rules=rules,
        now=scene.ago(hours=1),
    )
    session.flush()
    return True


def _cast(session: Session) -> dict[str, Viewer]:
    addresses = {
        "joerg": "joerg@praxis-groessmann.example",
        "aylin": "aylin@stadtwerke-fulda.example",
        "tom": "tom@stadtwerke-fulda.example",
        "ana": "ana@kontorwerk.example",
        "lukas": "lukas@kontorwerk.example",
    }
    ids = {
        row[0]: row[1]
        for row in session.execute(
            select(Person.email, Person.id).where(Person.email.in_(addresses.values()))
        )
    }
    found = {name: viewer_of_person(session, ids[address]) for name, address in addresses.items()}
    return {name: viewer for name, viewer in found.items() if viewer is not None}


# --- the mass --------------------------------------------------------------------------------------------------------

SUBJECTS = (
    ("de", "Lieferung ist unvollständig", "In der Lieferung fehlen zwei Packungen Espresso. Können Sie sie nachsenden?"),
    ("de", "Rechnung lässt sich nicht herunterladen", "Der Link zur Rechnung öffnet eine leere Seite."),
    ("de", "Maschine zieht kein Wasser", "Die K2 zieht seit gestern kein Wasser mehr. Der Tank ist voll."),
    ("de", "Adresse für die nächste Lieferung", "Bitte liefern Sie ab sofort in die Bahnhofstraße 12."),
    ("de", "Frage zum Probeabo", "Kann ich das Probeabo um einen Monat verlängern?"),
    ("de", "Passwort im Kundenkonto", "Ich komme nicht mehr in das Kundenkonto. Der Link ist abgelaufen."),
    ("en", "Wrong filter in the box", "The filter in the last box does not fit our machine."),
    ("en", "Invoice address", "Please send invoices to our head office from now on."),
    ("en", "Grinder is loud", "The grinder has become much louder since Monday."),
)  # fmt: skip
ANSWERS = {
    "de": ("Guten Tag,\n\nvielen Dank für Ihre Nachricht. Wir haben das veranlasst.", "Guten Tag,\n\nkönnen Sie uns ein Foto davon senden?"),
    "en": ("Hello,\n\nthank you for writing. We have taken care of it.", "Hello,\n\ncould you send us a photo of it?"),
}  # fmt: skip
FOLLOWING = {"de": "Das Foto hängt an. Danke für die schnelle Antwort.", "en": "The photo is attached. Thanks for the quick answer."}  # fmt: skip
BLOCK = 1000
DAYS = 400  # how far back the mass reaches


@dataclass(frozen=True, slots=True)
class World:
    """Who and what the mass is made of."""

    customers: list[tuple[int, int | None]]
    agents: list[int]
    team_id: int | None
    kinds: list[TypeChoice]
    version_id: int | None


def mass(session: Session, number: int, seed: int, *, rules: Rules, now: datetime) -> Iterator[int]:
    """So many tickets with their messages, events and clocks. Gives the size of each block once its rows are in; the
    caller commits after each."""
    world = _world(session, rules, now)
    if not world.customers or not world.agents:
        return
    chance = Random(seed)  # noqa: S311 (invented histories)
    first = {
        model: (session.scalar(select(func.max(model.id))) or 0) + 1
        for model in (Ticket, Message, TicketEvent)
    }
    writer = _Writer(session, world, chance, now, first[Ticket], first[Message], first[TicketEvent])
    for start in range(0, number, BLOCK):
        size = min(BLOCK, number - start)
        for _ in range(size):
            writer.history()
        writer.flush()
        yield size
    schema.count_on(
        session.connection(), ["ticket", "message", "ticket_event", "sla_clock", "sla_breach", "sla_fired"]
    )


def _world(session: Session, rules: Rules, now: datetime) -> World:
    customers = session.execute(
        select(Person.id, func.min(Membership.organisation_id))
        .outerjoin(Membership, Membership.person_id == Person.id)
        .where(Person.kind == "customer")
        .group_by(Person.id)
    )
    kinds = queries.request_types(session)
    sample = Ticket(priority="normal", channel="web", created_at=now)
    deadlines.begin(
        session,
        sample,
        {
            "by": "customer",
            "first_message": "customer",
            "status": "new",
            "priority": "normal",
            "proved": True,
        },
        time_zone=rules.time_zone,
        now=now,
    )
    return World(
        customers=[(row[0], row[1]) for row in customers],
        agents=[person_id for person_id, _ in queries.assignable(session)],
        team_id=session.scalar(select(Team.id).order_by(Team.id).limit(1)),
        kinds=kinds,
        version_id=sample.policy_version_id,
    )


class _Writer:
    """Collects rows of many tickets and writes them table by table."""

    def __init__(
        self,
        session: Session,
        world: World,
        chance: Random,
        now: datetime,
        ticket: int,
        message: int,
        event: int,
    ) -> None:
        self.session, self.world, self.chance, self.now = session, world, chance, now
        self.books = Books(session, book(session, {world.version_id} if world.version_id else set()))
        self.next = {"ticket": ticket, "message": message, "event": event}
        self.rows: dict[Any, list[dict[str, Any]]] = {
            Ticket: [],
            Message: [],
            TicketEvent: [],
            derived.CLOCK: [],
            derived.MISSED: [],
            derived.FIRED: [],
        }

    def history(self) -> None:
        """One request from its beginning to where it stands now."""
        chance, world = self.chance, self.world
        requester, organisation = chance.choice(world.customers)
        agent = chance.choice(world.agents)
        lang, subject, body = chance.choice(SUBJECTS)
        kind = chance.choice(world.kinds) if world.kinds else None
        age = chance.random() ** 2 * DAYS  # more of late
        at = (self.now - timedelta(days=age)).replace(
            hour=chance.randint(6, 19), minute=chance.randint(0, 59)
        )
        at = min(at, self.now - timedelta(minutes=chance.randint(3, 300)))
        ticket = Ticket(
            id=self._id("ticket"),
            subject=subject,
            requester_id=requester,
            organisation_id=organisation,
            request_type_id=kind.id if kind else None,
            team_id=(kind.team_id if kind else None) or world.team_id,
            status="new",
            status_at=at,
            priority=kind.priority if kind else "normal",
            channel="web",
            language=lang,
            created_at=at,
            proved_at=at,
            last_activity_at=at,
            last_author_kind="customer",
            is_open=True,
            policy_version_id=world.version_id,
        )
        events: list[dict[str, Any]] = []
        created = {
            "by": "customer",
            "first_message": "customer",
            "status": "new",
            "priority": ticket.priority,
            "proved": True,
            "policy_version_id": world.version_id,
        }
        message = self._message(ticket, at, requester, "customer", body)
        self._event(
            events, ticket, at, "created", requester, "customer", True, created | {"message_id": message}
        )
        self._go_on(ticket, events, requester, agent, lang, at, quiet=age < 4 and chance.random() < 0.5)
        made = deadlines.judge(self.books, ticket, events, now=self.now)
        self.rows[derived.CLOCK] += made.clocks
        self.rows[derived.MISSED] += made.misses
        self.rows[derived.FIRED] += made.fired
        self.rows[TicketEvent] += events
        columns = {column.name: getattr(ticket, column.name) for column in Ticket.__table__.columns}
        self.rows[Ticket].append(
            columns
            | {"public_id": secrets.token_hex(16), "send_key": secrets.token_hex(8)}
            | {"private": False, "privacy_version": 0}
        )

    def _go_on(
        self,
        ticket: Ticket,
        events: list[dict[str, Any]],
        requester: int,
        agent: int,
        lang: str,
        at: datetime,
        *,
        quiet: bool,
    ) -> None:
        """Answers, replies, the solution and the closing, as far as they lie in the past."""
        steps = [("agent", 0), ("customer", 1), ("agent", 1)][: self.chance.choice((1, 1, 3, 3, 3))]
        for who, which in steps:
            at += timedelta(hours=self.chance.expovariate(1 / 5) + 0.2)
            if quiet or at > self.now:
                return
            if who == "agent":
                if ticket.assignee_id is None:
                    self._change(events, ticket, at, "assignee", agent, {"from_id": None, "to_id": agent})
                    ticket.assignee_id = agent
                said = self._message(ticket, at, agent, "agent", ANSWERS[lang][which == 0 and len(steps) > 1])
                self._event(events, ticket, at, "message", agent, "agent", True, {"message_id": said})
                self._status(events, ticket, at, "pending", agent, "agent")
            else:
                said = self._message(ticket, at, requester, "customer", FOLLOWING[lang])
                self._event(events, ticket, at, "message", requester, "customer", True, {"message_id": said})
                self._status(events, ticket, at, "open", requester, "customer")
            ticket.last_activity_at, ticket.last_author_kind = at, who
        at += timedelta(hours=self.chance.expovariate(1 / 20))
        if at > self.now or self.chance.random() < 0.03:
            return
        self._status(events, ticket, at, "solved", agent, "agent")
        closing = at + timedelta(days=14)
        if closing <= self.now:
            self._status(events, ticket, closing, "closed", None, "system")

    def _status(
        self,
        events: list[dict[str, Any]],
        ticket: Ticket,
        at: datetime,
        to: str,
        actor: int | None,
        kind: str,
    ) -> None:
        self._event(events, ticket, at, "status", actor, kind, False, {"from": ticket.status, "to": to})
        ticket.status, ticket.status_at = to, at
        ticket.is_open = to not in ("solved", "closed")
        ticket.solved_at = at if to == "solved" else ticket.solved_at
        ticket.closed_at = at if to == "closed" else None

    def _change(
        self,
        events: list[dict[str, Any]],
        ticket: Ticket,
        at: datetime,
        kind: str,
        actor: int,
        payload: dict[str, Any],
    ) -> None:
        self._event(events, ticket, at, kind, actor, "agent", False, payload)

    def _event(
        self,
        events: list[dict[str, Any]],
        ticket: Ticket,
        at: datetime,
        kind: str,
        actor: int | None,
        author: str,
        public: bool,
        payload: dict[str, Any],
    ) -> None:
        events.append(
            {
                "id": self._id("event"),
                "ticket_id": ticket.id,
                "occurred_at": at,
                "recorded_at": at,
                "type": kind,
                "actor_id": actor,
                "author_kind": author,
                "is_requester": author == "customer",
                "public": public,
                "auto": author == "system",
                "payload": payload,
            }
        )

    def _message(self, ticket: Ticket, at: datetime, author: int, kind: str, body: str) -> int:
        key = self._id("message")
        self.rows[Message].append(
            {
                "id": key,
                "public_id": secrets.token_hex(16),
                "ticket_id": ticket.id,
                "author_id": author,
                "author_kind": kind,
                "public": True,
                "auto": False,
                "body": body,
                "body_kind": "markdown",
                "created_at": at,
                "send_key": secrets.token_hex(8),
            }
        )
        return key

    def _id(self, table: str) -> int:
        self.next[table] += 1
        return self.next[table] - 1

    def flush(self) -> None:
        for model, rows in self.rows.items():
            if rows:
                self.session.execute(insert(model), rows)
            rows.clear()
