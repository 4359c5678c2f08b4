"""The letters about accounts: their words, and how each is composed from what its job names.

A letter about a link that was used, replaced or expired meanwhile is not sent. Nothing that a stranger typed stands
in a letter, so that nobody can make us write his words to others.
"""

from __future__ import annotations

from typing import Any

from app.accounts import tokens
from app.accounts.models import Organisation, Person, Token
from app.i18n import format_period, gettext_in
from app.letters import Letter, Message
from app.mail import Post
from app.words import N_

GREETING = ("greeting", N_("Greeting, with the name once the address is confirmed"))
LINK = ("link", N_("Link that can be used once"))
PERIOD = ("period", N_("How long the link is valid, like “24 hours”"))
CONTACT = ("contact", N_("Address of the contact page"))
SIGN_IN = ("sign_in", N_("Address of the sign-in page"))
NEW_PASSWORD = ("new_password", N_("Address of the page where a new password is asked for"))

CONFIRM_ADDRESS = Letter(
    "accounts.confirm_address",
    N_("Somebody signs up and confirms the address."),
    N_("Confirm your email address"),
    N_(
        "{greeting}\n\nAn account is to be opened at our help centre for this address. "
        "Confirm that the address is yours:\n\n{link}\n\nThe link is valid for {period} and works once.\n\n"
        "You did not ask for this? Then do nothing. No account is opened without your confirmation."
    ),
    (GREETING, LINK, PERIOD),
    ("link",),
)
ALREADY_KNOWN = Letter(
    "accounts.already_known",
    N_("Somebody signs up with an address that has an account."),
    N_("You already have an account"),
    N_(
        "{greeting}\n\nSomebody wanted to open an account with your address. You already have one; sign in with it:\n\n"
        "{sign_in}\n\nYou do not know your password any more? Choose a new one here:\n\n{link}\n\n"
        "The link is valid for {period} and works once.\n\nYou did not ask for this? Then do nothing. "
        "Your account stays as it is."
    ),
    (GREETING, LINK, PERIOD, SIGN_IN),
    ("link",),
)
RESET_PASSWORD = Letter(
    "accounts.reset_password",
    N_("Somebody asks for a new password."),
    N_("Choose a new password"),
    N_(
        "{greeting}\n\nChoose a new password for your account here:\n\n{link}\n\n"
        "The link is valid for {period} and works once.\n\nYou did not ask for this? Then do nothing. "
        "Your password stays as it is."
    ),
    (GREETING, LINK, PERIOD),
    ("link",),
)
PASSWORD_CHANGED = Letter(
    "accounts.password_changed",
    N_("A password was changed."),
    N_("Your password was changed"),
    N_(
        "{greeting}\n\nThe password of your account was changed. All other devices were signed out.\n\n"
        "That was you? Then there is nothing to do.\n\nThat was not you? Choose a new password at once:\n\n"
        "{new_password}\n\nThen tell us: {contact}"
    ),
    (GREETING, NEW_PASSWORD, CONTACT),
)
INVITATION = Letter(
    "accounts.invitation",
    N_("A person is invited to the portal."),
    N_("Your invitation to our help centre"),
    N_(
        "{greeting}\n\nYou are invited to our help centre. Open your account here:\n\n{link}\n\n"
        "The link is valid for {period} and works once.\n\n"
        "You do not want an account? Then do nothing."
    ),
    (GREETING, LINK, PERIOD),
    ("link",),
)
INVITATION_TO_ORGANISATION = Letter(
    "accounts.invitation_to_organisation",
    N_("A person is invited to an organisation."),
    N_("Your invitation to {organisation}"),
    N_(
        "{greeting}\n\n{organisation} invites you to use our help centre together. Accept the invitation here:\n\n"
        "{link}\n\nThe link is valid for {period} and works once.\n\n"
        "You do not know {organisation}? Then do nothing."
    ),
    (GREETING, LINK, PERIOD, ("organisation", N_("Name of the organisation"))),
    ("link",),
)
NEW_ADDRESS = Letter(
    "accounts.new_address",
    N_("Somebody changes the address of an account and confirms the new one."),
    N_("Confirm your new email address"),
    N_(
        "{greeting}\n\nThis address is to belong to an account at our help centre. Confirm it here while you are "
        "signed in:\n\n{link}\n\nThe link is valid for {period} and works once.\n\n"
        "You did not ask for this? Then do nothing. Nothing is changed."
    ),
    (GREETING, LINK, PERIOD),
    ("link",),
)
ADDRESS_CHANGED_NOTICE = Letter(
    "accounts.address_changed_notice",
    N_("The address of an account was changed; goes to the old address."),
    N_("The email address of your account was changed"),
    N_(
        "{greeting}\n\nYour account at our help centre has another email address now. We write to the new one from "
        "now on.\n\nThat was you? Then there is nothing to do.\n\nThat was not you? Tell us at once: {contact}"
    ),
    (GREETING, CONTACT),
)

SHIPPED = (
    CONFIRM_ADDRESS,
    ALREADY_KNOWN,
    RESET_PASSWORD,
    PASSWORD_CHANGED,
    INVITATION,
    INVITATION_TO_ORGANISATION,
    NEW_ADDRESS,
    ADDRESS_CHANGED_NOTICE,
)

ENTERED = N_("You get this email because your address was entered at our help centre.")
HAS_ACCOUNT = N_("You get this email because you have an account at our help centre.")


def confirm_address(post: Post, ids: dict[str, Any]) -> Message | None:
    return _with_link(post, CONFIRM_ADDRESS, ids, ENTERED)


def already_known(post: Post, ids: dict[str, Any]) -> Message | None:
    return _with_link(post, ALREADY_KNOWN, ids, HAS_ACCOUNT)


def reset_password(post: Post, ids: dict[str, Any]) -> Message | None:
    return _with_link(post, RESET_PASSWORD, ids, ENTERED)


def invitation(post: Post, ids: dict[str, Any]) -> Message | None:
    token = post.session.get(Token, ids["token_id"])
    organisation = token and token.organisation_id and post.session.get(Organisation, token.organisation_id)
    if organisation:
        return _with_link(post, INVITATION_TO_ORGANISATION, ids, ENTERED, organisation=organisation.name)
    return _with_link(post, INVITATION, ids, ENTERED)


def new_address(post: Post, ids: dict[str, Any]) -> Message | None:
    token = post.session.get(Token, ids["token_id"])
    return _with_link(post, NEW_ADDRESS, ids, ENTERED, to=token.subject if token else None)


def password_changed(post: Post, ids: dict[str, Any]) -> Message | None:
    person = post.session.get(Person, ids["person_id"])
    return None if person is None else _to(post, PASSWORD_CHANGED, person, HAS_ACCOUNT)


def address_changed_notice(post: Post, ids: dict[str, Any]) -> Message | None:
    token = post.session.get(Token, ids["token_id"])
    person = post.session.get(Person, token.person_id) if token else None
    if token is None or person is None or token.subject is None:
        return None
    return _to(post, ADDRESS_CHANGED_NOTICE, person, HAS_ACCOUNT, to=token.subject)


def _with_link(
    post: Post, letter: Letter, ids: dict[str, Any], why: str, *, to: str | None = None, **values: str
) -> Message | None:
    token = post.session.get(Token, ids["token_id"])
    person = post.session.get(Person, token.person_id) if token else None
    if token is None or person is None or not tokens.is_live(token, post.now):
        return None
    link = tokens.address(token, post.secret, post.base_url)
    period = format_period(token.expires_at - token.created_at, _language(post, person))
    return _to(post, letter, person, why, to=to, link=link, period=period, **values)


def _to(
    post: Post, letter: Letter, person: Person, why: str, *, to: str | None = None, **values: str
) -> Message:
    lang = _language(post, person)
    translate = gettext_in(lang)
    hello = (
        translate(N_("Hello %(name)s,")) % {"name": person.name}
        if person.proved_at
        else translate(N_("Hello,"))
    )
    return post.write(
        letter,
        to=to or person.email,
        lang=lang,
        values={
            "greeting": hello,
            "sign_in": f"{post.base_url}/account/sign-in",
            "new_password": f"{post.base_url}/account/reset",
            "contact": f"{post.base_url}/contact",
            **values,
        },
        why=why,
    )


def _language(post: Post, person: Person) -> str:
    return person.language if person.language in post.languages else post.languages[0]
