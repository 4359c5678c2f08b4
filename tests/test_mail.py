"""Letters on their way: what they look like on the wire, refused recipients, servers that stall or hang up."""

from __future__ import annotations

import email.policy
import smtplib
import socket
import stat
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import mail as mail_module
from app.letters import Letter, Message
from app.mail import CaptureTransport, Post, SmtpTransport, Undeliverable, as_email, transport_for
from app.now import now
from app.web import Portal
from config import MailTransport
from tests.support.mailbox import Mailbox, text_of
from tests.support.smtp import SmtpServer

LETTER = Letter("test", "For tests", "Hello {name}", "Hello {name},\n\nsee {link}.\n\n" + "word " * 400)


def post(session: Any = None, **given: Any) -> Post:
    values = {
        "session": session,
        "base_url": "https://help.example",
        "secret": "s",
        "now": now(),
        "job_key": "k1",
        "languages": ("de", "en"),
        "mail_from": "help@firm.example",
        "company": {"de": "Müller & Söhne", "en": "Miller"},
    }
    return Post(**{**values, **given})


def parts(app: Flask) -> Portal:
    return app.extensions["portal"]  # type: ignore[no-any-return]


@pytest.fixture
def message(app: Flask) -> Message:
    """A letter with umlauts, a long paragraph and values of people."""
    with parts(app).database.session(write=False) as session:
        return post(session).write(
            LETTER,
            to="jane@exämple.org",
            lang="de",
            values={"name": "Jäne *Döe* " + "Ä" * 90, "link": "https://help.example/x_y_z"},
            why="You get this letter because somebody asked for it.",
        )


def settings(server: SmtpServer) -> MailTransport:
    return MailTransport("smtp", "127.0.0.1", server.port)


def test_a_letter_on_the_wire(message: Message) -> None:
    raw = as_email(message).as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert raw.isascii()
    assert raw.count(b"Message-ID:") == 1
    read = message_from_bytes(raw, policy=email.policy.default)
    assert str(read["Subject"]).startswith("Hello Jäne *Döe* ÄÄÄ")
    assert read["From"].addresses[0].display_name == "Müller & Söhne"
    assert read["From"].addresses[0].addr_spec == "help@firm.example"
    assert read["To"].addresses[0].addr_spec == "jane@xn--exmple-cua.org"
    assert read["Message-ID"] == "<k1@firm.example>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["X-Auto-Response-Suppress"] == "All"
    assert read["Content-Language"] == "de"
    assert abs((read["Date"].datetime - now()).total_seconds()) < 60
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    text = text_of(read)  # type: ignore[arg-type]
    assert "Jäne *Döe*" in text
    assert "https://help.example/x_y_z" in text
    assert "https://help.example/privacy-notice" in text
    html = read.get_body(("html",)).get_content()  # type: ignore[attr-defined]
    assert "Jäne *Döe*" in html
    assert "<em>" not in html
    assert '<html lang="de">' in html


def test_an_unknown_language_gets_the_portals_first(app: Flask) -> None:
    with parts(app).database.session(write=False) as session:
        for lang in (None, "fr"):
            written = post(session, languages=("en",)).write(
                LETTER, to="a@b.c", lang=lang, values={}, why="x"
            )
            assert written.lang == "en"


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: victim@example.org", "x\nBcc: v@e.org", "x\x0bBcc: v@e.org", "x\u2028y"]
)
def test_values_cannot_add_headers(app: Flask, evil: str) -> None:
    with parts(app).database.session(write=False) as session:
        written = post(session, company={"en": evil, "de": evil}).write(
            LETTER, to="a@b.example", lang="en", values={"name": evil, "link": evil}, why="x"
        )
    read = message_from_bytes(as_email(written).as_bytes(), policy=email.policy.default)
    assert read["Bcc"] is None
    assert sorted(set(read.keys())) == sorted(read.keys())
    assert len(read["To"].addresses) == 1


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nBcc: v@e.org",
        "jörg@b.example",
        "",
        "nobody",
        "a@b..c",
        "a b@c.example",
        "a@b.example, c@d.example",
        "=?utf-8?q?x=0D=0ABcc:_v=40e.org?= <a@b.example>",
    ],
)
def test_addresses_that_no_server_can_be_told_of_fail_for_good(address: str) -> None:
    headers = {"From": "help@firm.example", "Message-ID": "<1@x>"}
    with pytest.raises(Undeliverable):
        as_email(Message(address, "s", "t", "<p>t</p>", "en", headers))


def test_captured_mail_is_one_whole_file_a_job(tmp_path: Path, message: Message) -> None:
    transport = transport_for(MailTransport("capture"), tmp_path / "mail")
    assert isinstance(transport, CaptureTransport)
    transport.send(message, key="k1")
    transport.send(message, key="k1")
    transport.send(message, key="k2")
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == ["k1.eml", "k2.eml"]
    assert stat.S_IMODE((tmp_path / "mail" / "k1.eml").stat().st_mode) == 0o600
    assert [m["Message-ID"] for m in Mailbox(tmp_path / "mail")] == ["<k1@firm.example>"] * 2


def test_a_capture_that_breaks_off_leaves_nothing(
    tmp_path: Path, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mail_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        CaptureTransport(tmp_path / "mail").send(message, key="k1")
    assert list((tmp_path / "mail").iterdir()) == []


def test_sent_by_smtp(smtp_server: SmtpServer, message: Message) -> None:
    SmtpTransport(settings(smtp_server)).send(message, key="k1")
    (raw,) = smtp_server.raw
    assert raw.count(b"Message-ID:") == 1
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert smtp_server.messages[0]["To"] == "jane@xn--exmple-cua.org"


def test_a_recipient_refused_for_good_is_told_apart_from_trouble_that_passes(
    smtp_server: SmtpServer, message: Message
) -> None:
    transport = SmtpTransport(settings(smtp_server))
    smtp_server.mood = "refuse"
    with pytest.raises(Undeliverable) as refused:
        transport.send(message, key="k1")
    assert refused.value.code == 550
    for mood in ("later", "full", "drop"):
        smtp_server.mood = mood
        with pytest.raises((smtplib.SMTPException, OSError)):
            transport.send(message, key="k1")
    smtp_server.mood = "accept"
    transport.send(message, key="k1")
    assert len(smtp_server.messages) == 1


def test_a_silent_server_ends_after_the_time_limit(
    message: Message, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT_SECONDS", 0.3)
    smtp_server.mood = "hang"
    with pytest.raises(OSError, match="timed out"):
        SmtpTransport(settings(smtp_server)).send(message, key="k1")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(OSError, match="timed out"):
            SmtpTransport(MailTransport("smtp", "127.0.0.1", port)).send(message, key="k1")


def test_nobody_listens(message: Message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        SmtpTransport(MailTransport("smtp", "127.0.0.1", port)).send(message, key="k1")


def test_a_password_is_never_sent_in_the_clear_when_tls_was_asked_for(
    smtp_server: SmtpServer, message: Message
) -> None:
    wanted = MailTransport("smtp", "127.0.0.1", smtp_server.port, "user", "password", "starttls")
    with pytest.raises(smtplib.SMTPNotSupportedError):  # the sink offers no STARTTLS
        SmtpTransport(wanted).send(message, key="k1")
    assert smtp_server.messages == []
