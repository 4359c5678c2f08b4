"""Consents: what a person allowed beyond the contract, under which words, when and how, and that she may stop it.

Off until given (GDPR Art. 4(11), 7). The words are kept by version: changed words ask anew, older consents stay as
proof. Who sends something for one of these purposes asks `may_send`; nothing else here sends anything.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit
from app.accounts.models import Person
from app.accounts.queries import folded, hash_token, lock_person
from app.db import Base, Localised, primary_key, table_args
from app.errors import Conflict, NotVisible, Refused
from app.personal import (
    Export,
    Kind,
    Purpose,
    Retain,
    RowFate,
    Source,
    T,
    Visible,
    not_personal,
    personal,
)
from app.words import N_

SURVEY, NEWS = "survey", "news"
PURPOSES = (SURVEY, NEWS)

# How a consent came or went. `renewed`: she agreed to newer words; `objection`: Art. 21; `erasure`: Art. 17.
PAGE, LINK, RENEWED, OBJECTION, ERASURE = "page", "link", "renewed", "objection", "erasure"

# The words that ship. An operator may publish others; what she published is never replaced by an upgrade.
SHIPPED: dict[str, dict[str, str]] = {
    SURVEY: {
        "de": "Ja, Sie dürfen mich per E-Mail fragen, wie zufrieden ich mit der Antwort auf eine Anfrage bin. "
        "Höchstens eine E-Mail je gelöster Anfrage. Dafür verwenden Sie meinen Namen und meine E-Mail-Adresse. "
        "Die Einwilligung ist freiwillig. Ich kann sie hier oder mit dem Link in jeder dieser E-Mails jederzeit "
        "widerrufen. Was bis dahin geschah, bleibt rechtmäßig.",
        "en": "Yes, you may ask me by email how content I am with the answer to a request. At most one email for "
        "each solved request. You use my name and email address for it. The consent is voluntary. I can withdraw "
        "it here, or with the link in each of these emails, at any time. What happened until then stays lawful.",
    },
    NEWS: {
        "de": "Ja, Sie dürfen mir per E-Mail Neuigkeiten über Ihre Produkte schicken. Höchstens eine E-Mail im Monat. "
        "Dafür verwenden Sie meinen Namen und meine E-Mail-Adresse. Ob ich eine E-Mail öffne, wird nicht "
        "aufgezeichnet. Die Einwilligung ist freiwillig. Ich kann sie hier oder mit dem Link in jeder dieser "
        "E-Mails jederzeit widerrufen. Was bis dahin geschah, bleibt rechtmäßig.",
        "en": "Yes, you may send me news about your products by email. At most one email a month. You use my name and "
        "email address for it. Whether I open an email is not recorded. The consent is voluntary. I can withdraw "
        "it here, or with the link in each of these emails, at any time. What happened until then stays lawful.",
    },
}


def _of_the_consent(kind: Kind, label: str = "", **more: object) -> dict[str, object]:
    """A column of the proof that somebody agreed; it outlives her account (GDPR Art. 7(1))."""
    more = {"export": Export.ART15, "on_erase": "keep", **more}
    return personal(kind, label, purpose=Purpose.ACCOUNTABILITY, retain=Retain.CONSENT_LOG, **more)  # type: ignore[arg-type]


class ConsentText(Base):
    """One version of the words for one purpose. Append only; the highest number is what people read.

    Without an author it is the text that ships.
    """

    __tablename__ = "consent_text"
    __table_args__ = table_args(
        UniqueConstraint("purpose", "version"),
        CheckConstraint("purpose IN ('survey', 'news')", name="purpose"),
        privacy=T(None, RowFate.KEEP_ROW, N_("Consent texts"), why="the operator's published words"),
    )

    id: Mapped[int] = primary_key()
    purpose: Mapped[str] = mapped_column(info=not_personal("what for"))
    version: Mapped[int] = mapped_column(info=not_personal("counts from 1"))
    text: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("the words", keys=("*",)))
    digest: Mapped[str] = mapped_column(info=not_personal("SHA-256 of the words in all languages"))
    published_at: Mapped[datetime] = mapped_column(info=not_personal("since when they are shown"))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="author_id",
        ),
    )
    shipped: Mapped[bool] = mapped_column(default=False, info=not_personal("whether it came with the portal"))


class Consent(Base):
    """One consent of one person: given, and perhaps withdrawn. The newest without an end is the one that counts.

    The address is kept as a keyed hash only, so that the proof outlives the account. `seed` makes the link by which
    letters let her stop; it is emptied when she is erased.
    """

    __tablename__ = "consent"
    __table_args__ = table_args(
        Index("ix_consent_person_id_purpose_id", "person_id", "purpose", "id"),
        CheckConstraint("purpose IN ('survey', 'news')", name="purpose"),
        privacy=T("person_id", RowFate.KEEP_ROW, N_("Your consents")),
    )

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="RESTRICT"), info=not_personal("whose consent it is")
    )
    purpose: Mapped[str] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("What you agreed to"), export=Export.BOTH)
    )
    text_id: Mapped[int] = mapped_column(
        ForeignKey("consent_text.id", ondelete="RESTRICT"),
        index=True,
        info=not_personal("the words, kept once for everybody"),
    )
    version: Mapped[int] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Version of the words"), source=Source.USE)
    )
    digest: Mapped[str] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Check value of the words"), source=Source.USE)
    )
    lang: Mapped[str] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Language of the words"), source=Source.USE)
    )
    given_at: Mapped[datetime] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Given"), source=Source.USE)
    )
    given_through: Mapped[str] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Given by"), source=Source.USE)
    )
    withdrawn_at: Mapped[datetime | None] = mapped_column(
        index=True, info=_of_the_consent(Kind.CONSENT, N_("Withdrawn"), source=Source.USE)
    )
    withdrawn_through: Mapped[str | None] = mapped_column(
        info=_of_the_consent(Kind.CONSENT, N_("Withdrawn by"), source=Source.USE)
    )
    address_hash: Mapped[str] = mapped_column(
        info=_of_the_consent(
            Kind.CONSENT,
            N_("Address at that time (only a check value that cannot be turned back)"),
            export=Export.NEVER,
            source=Source.USE,
        )
    )
    seed: Mapped[str | None] = mapped_column(
        info=_of_the_consent(
            Kind.CREDENTIAL, export=Export.NEVER, on_erase="clear", source=Source.USE, visible=Visible.SELF
        )
    )
    stop_hash: Mapped[str | None] = mapped_column(
        unique=True,
        info=_of_the_consent(
            Kind.CREDENTIAL, export=Export.NEVER, on_erase="clear", source=Source.USE, visible=Visible.SELF
        ),
    )


# --- the words -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one purpose as people read them now."""

    purpose: str
    version: int
    text: dict[str, str]
    digest: str
    row_id: int | None

    def said(self, lang: str) -> str:
        """The words in a language, else in any they exist in."""
        return self.text.get(lang) or next(iter(self.text.values()), "")


def digest_of(text: dict[str, str]) -> str:
    """The check value of words in all their languages."""
    return hashlib.sha256(json.dumps(text, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def wording(session: Session, purpose: str) -> Wording:
    """The words in force: the newest published version, else those that ship. Raises `NotVisible` for no purpose."""
    if purpose not in PURPOSES:
        raise NotVisible
    newest = session.scalar(
        select(ConsentText)
        .where(ConsentText.purpose == purpose)
        .order_by(ConsentText.version.desc())
        .limit(1)
    )
    shipped = SHIPPED[purpose]
    if newest is None or (newest.shipped and newest.digest != digest_of(shipped)):
        return Wording(purpose, newest.version + 1 if newest else 1, shipped, digest_of(shipped), None)
    return Wording(purpose, newest.version, newest.text, newest.digest, newest.id)


def publish(
    session: Session,
    purpose: str,
    text: dict[str, str],
    *,
    based_on: int,
    actor_id: int,
    now: datetime,
) -> ConsentText:
    """Publish other words for a purpose: everybody is asked anew, given consents stay as proof of the older words.

    `based_on` is the version the author read. Raises `Conflict` when there is another one meanwhile, `Refused` when
    nothing was changed.
    """
    before = wording(session, purpose)
    if before.version != based_on:
        raise Conflict(N_("Somebody published another version meanwhile. Your text is still here."))
    if digest_of(text) == before.digest:
        raise Refused(N_("The text is the same as the published version."), "text")
    if before.row_id is None:
        _keep(session, before, now)
    row = _added(session, purpose, before.version + 1, text, now, author_id=actor_id, shipped=False)
    audit.record(
        session,
        actor_id=actor_id,
        action="consent_text.publish",
        object_kind="consent_text",
        object_id=row.id,
        at=now,
        name=purpose,
        version=row.version,
    )
    return row


def _keep(session: Session, shown: Wording, now: datetime) -> int:
    """The row of words that are shown; what ships gets one when it is needed as proof."""
    if shown.row_id is not None:
        return shown.row_id
    return _added(session, shown.purpose, shown.version, shown.text, now, author_id=None, shipped=True).id


def _added(
    session: Session,
    purpose: str,
    version: int,
    text: dict[str, str],
    now: datetime,
    *,
    author_id: int | None,
    shipped: bool,
) -> ConsentText:
    row = ConsentText(
        purpose=purpose,
        version=version,
        text=text,
        digest=digest_of(text),
        published_at=now,
        author_id=author_id,
        shipped=shipped,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        known = session.scalar(
            select(ConsentText).where(ConsentText.purpose == purpose, ConsentText.version == version)
        )
        if known is None or known.digest != row.digest:
            raise Conflict(
                N_("Somebody published another version meanwhile. Your text is still here.")
            ) from None
        return known
    return row


# --- giving and withdrawing --------------------------------------------------------------------------------------------


def may_send(session: Session, person_id: int, purpose: str) -> bool:
    """Whether this person may be written to for this purpose now: she agreed to the words in force, her address is
    proved, and her account is open."""
    return (
        session.scalar(
            select(Consent.id)
            .join(Person, Person.id == Consent.person_id)
            .where(
                Consent.person_id == person_id,
                Consent.purpose == purpose,
                Consent.withdrawn_at.is_(None),
                Consent.digest == wording(session, purpose).digest,
                Person.proved_at.is_not(None),
                Person.disabled_at.is_(None),
                Person.erased_at.is_(None),
            )
            .limit(1)
        )
        is not None
    )


def give(
    session: Session,
    person_id: int,
    purpose: str,
    *,
    digest: str,
    lang: str,
    through: str,
    secret: str,
    now: datetime,
) -> Consent:
    """She agrees to the words with this digest; twice it is the same consent. `secret` is the portal's key.

    Raises `Conflict` when other words were published since she read them, `NotVisible` for a closed account.
    """
    person = lock_person(session, person_id)
    if person.disabled_at is not None or person.erased_at is not None:
        raise NotVisible
    shown = wording(session, purpose)
    if not hmac.compare_digest(shown.digest, digest):
        raise Conflict(N_("The words have changed meanwhile. Read them again."))
    text_id = _keep(session, shown, now)
    for known in _open(session, person_id, purpose):
        if known.text_id == text_id:
            return known
        known.withdrawn_at, known.withdrawn_through = now, RENEWED
    seed = secrets.token_urlsafe(24)
    consent = Consent(
        person_id=person_id,
        purpose=purpose,
        text_id=text_id,
        version=shown.version,
        digest=shown.digest,
        lang=lang if lang in shown.text else next(iter(shown.text)),
        given_at=now,
        given_through=through,
        address_hash=hash_address(person.email, secret),
        seed=seed,
        stop_hash=hash_token(_derived(secret, seed)),
    )
    session.add(consent)
    session.flush()
    return consent


def withdraw(session: Session, person_id: int, purpose: str, *, through: str, now: datetime) -> bool:
    """She takes a consent back; it ends at once. False if there was none."""
    if purpose not in PURPOSES:
        raise NotVisible
    lock_person(session, person_id)
    given = _open(session, person_id, purpose)
    for one in given:
        one.withdrawn_at, one.withdrawn_through = now, through
    session.flush()
    return bool(given)


def end_all(session: Session, person_ids: Collection[int], *, through: str, now: datetime) -> int:
    """End every consent of these people (objection, erasure). Gives how many."""
    ended = update(Consent).where(Consent.person_id.in_(person_ids), Consent.withdrawn_at.is_(None))
    result = session.execute(ended.values(withdrawn_at=now, withdrawn_through=through))
    return int(getattr(result, "rowcount", 0))


def open_count(session: Session, person_id: int) -> int:
    """How many consents of hers are in force."""
    which = select(func.count()).where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
    return session.scalar(which) or 0


def _open(session: Session, person_id: int, purpose: str) -> Sequence[Consent]:
    return session.scalars(
        select(Consent)
        .where(Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        .order_by(Consent.id)
        .with_for_update()
    ).all()


# --- what a person reads -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """One purpose for one person: the words, since when she agrees to them, and the version of older words that she
    agreed to (then she is asked anew)."""

    wording: Wording
    since: datetime | None
    older: int | None


def states(session: Session, person_id: int) -> list[State]:
    """Every purpose as it stands for this person."""
    given = {
        row.purpose: row
        for row in session.execute(
            select(Consent.purpose, Consent.given_at, Consent.version, Consent.digest)
            .where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None))
            .order_by(Consent.id)
        )
    }
    found = []
    for purpose in PURPOSES:
        shown, has = wording(session, purpose), given.get(purpose)
        current = has is not None and has.digest == shown.digest
        found.append(
            State(
                shown,
                has.given_at if has and current else None,
                has.version if has and not current else None,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Past:
    """One entry of a person's log of consents, with the words as she read them."""

    purpose: str
    version: int
    digest: str
    said: str
    given_at: datetime
    given_through: str
    withdrawn_at: datetime | None
    withdrawn_through: str | None


def log_of(session: Session, person_id: int) -> list[Past]:
    """Everything she ever agreed to, newest first."""
    rows = session.execute(
        select(Consent, ConsentText)
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .where(Consent.person_id == person_id)
        .order_by(Consent.id.desc())
        .limit(100)
    )
    return [
        Past(
            consent.purpose,
            consent.version,
            consent.digest,
            text.text.get(consent.lang) or next(iter(text.text.values()), ""),
            consent.given_at,
            consent.given_through,
            consent.withdrawn_at,
            consent.withdrawn_through,
        )
        for consent, text in rows
    ]


# --- the link in a letter ------------------------------------------------------------------------------------------------


def stop_address(session: Session, person_id: int, purpose: str, *, secret: str, base_url: str) -> str | None:
    """The link by which a letter lets her stop; None where she did not agree. The same consent gives the same link."""
    seed = session.scalar(
        select(Consent.seed)
        .where(Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        .order_by(Consent.id.desc())
        .limit(1)
    )
    return f"{base_url}/privacy/consents/stop/{_derived(secret, seed)}" if seed else None


def behind_link(session: Session, typed: str) -> Consent:
    """The consent that a link stops, ended or not. Raises `NotVisible`."""
    found = session.scalar(select(Consent).where(Consent.stop_hash == hash_token(typed)))
    if found is None:
        raise NotVisible
    return found


def stop(session: Session, typed: str, *, now: datetime) -> bool:
    """Withdraw by the link of a letter. False if it was withdrawn already. Raises `NotVisible`."""
    found = behind_link(session, typed)
    return withdraw(session, found.person_id, found.purpose, through=LINK, now=now)


def hash_address(address: str, secret: str) -> str:
    """What is kept of an address: enough to prove whose consent it was, if somebody names the address."""
    return hmac.new(secret.encode(), f"consent|{folded(address)}".encode(), hashlib.sha256).hexdigest()


def _derived(secret: str, seed: str) -> str:
    digest = hmac.new(secret.encode(), f"consent|{seed}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
