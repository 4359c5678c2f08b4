"""The way of a letter from its words to a mail server, or to a file where mail is captured.

`Post` is what composers of letters write with; a `Transport` takes the finished message. It must not know any letter,
nor when and how often sending is tried again (`app.worker`).
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol

import flask_mail
import idna
from flask import Flask
from sqlalchemy.orm import Session

from app import letters
from app.i18n import gettext_in
from app.words import N_
from config import MailTransport

TIMEOUT_SECONDS = 30
# A plain mailbox in ASCII (RFC 5321, dot-string); nothing that a header could be split or filled with.
ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z\d-]+(\.[a-z\d-]+)*", re.ASCII | re.I
)


class Undeliverable(Exception):
    """This message can never arrive: there is no such recipient. `code` is the server's answer, 0 if none was asked."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"{code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Post:
    """What a composer of letters gets: a read session, the facts that letters need, and `write`.

    The same job composes the same message again, with the same Message-ID, so that a repeat can be recognised.
    `company` is the name of the help centre in each language.
    """

    session: Session
    base_url: str
    secret: str
    now: datetime
    job_key: str
    languages: tuple[str, ...]
    mail_from: str
    company: Mapping[str, str]
    timezone: str = "Europe/Berlin"

    def write(
        self,
        letter: letters.Letter,
        *,
        to: str,
        lang: str | None,
        values: Mapping[str, str],
        why: str,
        headers: Mapping[str, str] | None = None,
    ) -> letters.Message:
        """The letter to one recipient in her language (the portal's first where that is unknown).

        `why` is a sentence marked for translation that says why she gets it; it stands in the footer, above the
        address of the privacy notice. `headers` come beside the usual ones or in their place.
        """
        chosen = lang if lang in self.languages else self.languages[0]
        translate = gettext_in(chosen)
        notice = translate(N_("How we handle your data:"))
        return letters.compose(
            self.session,
            letter,
            to=to,
            lang=chosen,
            values=values,
            translate=translate,
            footer=f"{translate(why)}\n{notice} {self.base_url}/privacy-notice",
            headers=self._headers(chosen) | dict(headers or {}),
        )

    def message_id(self, name: str) -> str:
        """A Message-ID of this portal (RFC 5322, 3.6.4) for a name that is unique among its letters."""
        return f"<{name}@{_ascii_domain(self.mail_from.rpartition('@')[2])}>"

    def _headers(self, lang: str) -> dict[str, str]:
        local, _, domain = self.mail_from.rpartition("@")
        name = self.company.get(lang) or next(filter(None, self.company.values()), "")
        sender = Address(_printable(name), local, _ascii_domain(domain))
        return {
            "From": str(sender),
            "Date": format_datetime(self.now),
            "Message-ID": self.message_id(self.job_key),
            "Content-Language": lang,
            "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic answer, please
            "X-Auto-Response-Suppress": "All",  # the same for Exchange, which does not read RFC 3834
        }


class Transport(Protocol):
    """Takes finished messages. Whatever `send` raises means "not sent"; `Undeliverable` means "never will be"."""

    def send(self, message: letters.Message, *, key: str) -> None: ...


class CaptureTransport:
    """Keeps messages as files, one each, named after its job. A message sent again replaces its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: letters.Message, *, key: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.folder / f".{key}.part"  # what a killed worker left is written over by the repeat
        try:
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(as_email(message).as_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.folder / f"{key}.eml")
        finally:
            partial.unlink(missing_ok=True)
        _flush_folder(self.folder)


class SmtpTransport:
    """Hands messages to a mail server through Flask-Mail, one connection each."""

    def __init__(self, settings: MailTransport) -> None:
        self._carrier = Flask(
            __name__
        )  # Flask-Mail keeps its settings in an application; this one has no pages
        self._carrier.config.update(
            MAIL_SERVER=settings.host,
            MAIL_PORT=settings.port,
            MAIL_USERNAME=settings.username,
            MAIL_PASSWORD=settings.password,
            MAIL_USE_TLS=settings.tls == "starttls",
            MAIL_USE_SSL=settings.tls == "implicit",
        )
        self._mail = flask_mail.Mail(self._carrier)

    def send(self, message: letters.Message, *, key: str) -> None:
        """Raises `Undeliverable` when the server refuses the recipient for good, `OSError` or `SMTPException` for all
        that may pass."""
        email = as_email(message)
        with self._carrier.app_context(), _Connection(self._carrier.extensions["mail"]) as connection:
            try:
                connection.send(_Outgoing(email))
            except smtplib.SMTPRecipientsRefused as refusal:
                code = next(iter(refusal.recipients.values()))[0]
                if 500 <= code < 600:
                    raise Undeliverable(code) from None
                raise


def transport_for(settings: MailTransport, captured: Path) -> Transport:
    """The transport that `PORTAL_MAIL_URL` names; `captured` is the folder of captured mail."""
    return CaptureTransport(captured) if settings.kind == "capture" else SmtpTransport(settings)


def as_email(message: letters.Message) -> EmailMessage:
    """The message as it travels (RFC 5322): text and HTML part, quoted-printable, only ASCII, no line over 78.

    Raises `Undeliverable` for a recipient that no mail server can be told of. A line break in any header is refused
    by the header objects with `ValueError`.
    """
    email = EmailMessage(policy=SMTP)
    email.set_content(message.text, cte="quoted-printable")
    email.add_alternative(message.html, subtype="html", cte="quoted-printable")
    for (
        name,
        value,
    ) in message.headers.items():  # after the content, which would take Content-* headers with it
        email[name] = value
    email["To"] = _recipient(message.to)
    email["Subject"] = _printable(message.subject)
    return email


def _recipient(address: str) -> Address:
    local, _, domain = address.rpartition("@")
    try:
        plain = f"{local}@{_ascii_domain(domain)}"
    except UnicodeError:
        raise Undeliverable from None
    if not ADDRESS.fullmatch(plain):
        raise Undeliverable
    return Address(addr_spec=plain)


def _printable(text: str) -> str:
    """One line without control characters."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _ascii_domain(domain: str) -> str:
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Outgoing(flask_mail.Message):
    """A message for Flask-Mail that is already written.

    Flask-Mail's own writing sends UTF-8 as raw 8 bit without wrapping (servers refuse lines over 998 bytes) and puts
    a second Message-ID beside a given one.
    """

    def __init__(self, email: EmailMessage) -> None:
        to, sender = email["To"].addresses[0], email["From"].addresses[0]
        super().__init__(recipients=[to.addr_spec], sender=sender.addr_spec)
        self.email = email

    def as_bytes(self) -> bytes:
        return self.email.as_bytes()


class _Connection(flask_mail.Connection):
    """A connection that ends: with a time limit, certificates checked, and no fault after the message was taken."""

    def configure_host(self) -> smtplib.SMTP:
        settings, trusted = self.mail, ssl.create_default_context()
        host: smtplib.SMTP
        if settings.use_ssl:
            host = smtplib.SMTP_SSL(settings.server, settings.port, timeout=TIMEOUT_SECONDS, context=trusted)
        else:
            host = smtplib.SMTP(settings.server, settings.port, timeout=TIMEOUT_SECONDS)
        try:
            if settings.use_tls:
                host.starttls(context=trusted)
            if settings.username:
                host.login(settings.username, settings.password or "")
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.host is not None:
            with suppress(smtplib.SMTPException, OSError):
                self.host.quit()
            self.host.close()
