"""Commands for mail."""

from __future__ import annotations

import secrets
import smtplib

import click

from app.cli.door import CommandGroup, looking
from app.lanes import post_for
from app.letters import Letter
from app.mail import Undeliverable
from app.web import portal
from app.words import N_

mail = CommandGroup("mail", help="Letters.")

TEST = Letter(
    name="mail.test",
    about=N_("Sent by the operator to see whether mail arrives"),
    subject=N_("Test letter from {portal}"),
    body=N_("This letter was sent to test the mail settings. It arrived, so they work."),
    placeholders=(("portal", N_("Address of the portal")),),
)


@mail.command()
@click.argument("address")
def test(address: str) -> None:
    """Send one test letter to ADDRESS at once, without the queue."""
    parts, key = portal(), f"test-{secrets.token_hex(8)}"
    with looking() as session:
        post = post_for(parts, session, key)
        message = post.write(
            TEST,
            to=address,
            lang=None,
            values={"portal": parts.base_url},
            why=N_("You get this letter because an operator of the portal entered your address."),
        )
    try:
        parts.transport.send(message, key=key)
    except Undeliverable as refusal:
        code = f" (code {refusal.code})" if refusal.code else ""
        raise click.ClickException(f"The address {address} was refused for good{code}.") from None
    except smtplib.SMTPResponseException as refusal:
        words = refusal.smtp_error
        told = words.decode(errors="replace") if isinstance(words, bytes) else words
        raise click.ClickException(f"The mail server refused: {refusal.smtp_code} {told}") from None
    except (OSError, smtplib.SMTPException) as fault:
        raise click.ClickException(
            f"The mail server cannot be used: {fault or type(fault).__name__}"
        ) from None
    where = parts.captured_mail_dir / f"{key}.eml" if parts.mail_captured else "the mail server"
    click.echo(f"The letter went to {where}.")
