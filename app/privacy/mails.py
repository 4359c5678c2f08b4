"""The letters about data protection: a link to one's data, a deletion planned and done, answers of the officer.

What a letter says about a deletion comes from its plan. The last letter's address is taken from the request, because
the person's row tells nothing any more.
"""

from __future__ import annotations

from typing import Any

from app.accounts import tokens
from app.accounts.models import Person, Token
from app.i18n import format_date, format_datetime, format_period, gettext_in, ngettext_in
from app.letters import Letter, Message
from app.mail import Post
from app.privacy import labels
from app.privacy.export_models import READY, DataExport
from app.privacy.models import GRACE, OPEN, PrivacyRequest
from app.privacy.planner import Line, Plan
from app.words import N_

GREETING = ("greeting", N_("Greeting, with the name if the person confirmed her address"))
LINK = ("link", N_("Link that can be used once"))
PERIOD = ("period", N_("How long the link is valid, like “24 hours”"))
DAY = ("day", N_("Day and time of the deletion"))
GONE = ("gone", N_("What is deleted, a line each"))
UNTIL = ("day", N_("Day and time until which the copy can be fetched"))
KEPT = ("kept", N_("What stays, why and until when, a line each"))
ANSWER = ("answer", N_("What the privacy officer wrote"))
DUE = ("day", N_("Last day for the answer"))
LINK_TO_CASE = ("link", N_("Page of the request, for who may work on it"))
KIND = ("kind", N_("What the person asked for, like “Information”"))

YOUR_DATA = Letter(
    "privacy.link",
    N_("Somebody without a sign-in asks for her data."),
    N_("Your data at our help centre"),
    N_(
        "{greeting}\n\nYou asked for your data at our help centre. See what we hold about you, or have it deleted:\n\n"
        "{link}\n\nThe link is valid for {period} and works once.\n\n"
        "You did not ask for this? Then do nothing. Nobody else sees your data."
    ),
    (GREETING, LINK, PERIOD),
    ("link",),
)
PLANNED = Letter(
    "privacy.planned",
    N_("An account is to be deleted: the way to take it back."),
    N_("Your account will be deleted"),
    N_(
        "{greeting}\n\nYour account is closed. It will be deleted on {day}. You can take that back until then:\n\n"
        "{link}\n\nThis will be deleted:\n\n{gone}\n\nThis will stay:\n\n{kept}\n\n"
        "You did not ask for this? Then take it back with the link and choose a new password."
    ),
    (GREETING, LINK, DAY, GONE, KEPT),
    ("link", "day"),
)
ERASED = Letter(
    "privacy.erased",
    N_("Something was deleted; the last letter."),
    N_("Your data are deleted"),
    N_(
        "Hello,\n\nwe have deleted your data as planned.\n\nThis stays:\n\n{kept}\n\n"
        "The certificate says what was done. It holds no data about you:\n\n{link}\n\n"
        "This is our last letter about it. We do not keep this address for it."
    ),
    (LINK, KEPT),
    ("link",),
)
PROLONGED = Letter(
    "privacy.prolonged",
    N_("The answer to a request takes longer than a month."),
    N_("Your request takes longer"),
    N_(
        "{greeting}\n\nWe need more time for your request ({kind}). You get our answer by {day}.\n\n"
        "The reason:\n\n{answer}\n\nYou may complain to a data protection authority."
    ),
    (GREETING, KIND, DAY, ANSWER),
    ("answer", "day"),
)
REFUSED = Letter(
    "privacy.refused",
    N_("A request is refused."),
    N_("Our answer to your request"),
    N_(
        "{greeting}\n\nWe do not follow your request ({kind}).\n\nThe reason:\n\n{answer}\n\n"
        "You may complain to a data protection authority or go to court."
    ),
    (GREETING, KIND, ANSWER),
    ("answer",),
)
ANSWERED = Letter(
    "privacy.answered",
    N_("A request is answered."),
    N_("Our answer to your request"),
    N_("{greeting}\n\nYour request ({kind}) is done.\n\n{answer}"),
    (GREETING, KIND, ANSWER),
    ("answer",),
)

COPY_READY = Letter(
    "privacy.export_ready",
    N_("The copy of somebody's data is ready."),
    N_("The copy of your data is ready"),
    N_(
        "{greeting}\n\nThe copy of your data is ready. Fetch it by {day}:\n\n{link}\n\n"
        "You sign in for that, or have a link sent to this address. Then the copy is removed.\n\n"
        "You did not ask for this? Then choose a new password, and tell us."
    ),
    (GREETING, LINK, UNTIL),
    ("link", "day"),
)
NOTES_DECIDED = Letter(
    "privacy.notes_decided",
    N_("Internal notes were looked at; the copy was made again."),
    N_("The copy of your data is complete"),
    N_(
        "{greeting}\n\nWe have looked at the internal notes that were held back in the copy of your data. "
        "There is a new copy. Fetch it by {day}:\n\n{link}\n\n"
        "You sign in for that, or have a link sent to this address. What we still withhold has its reason beside it."
    ),
    (GREETING, LINK, UNTIL),
    ("link", "day"),
)

RECEIVED = Letter(
    "privacy.received",
    N_("Somebody asks for a correction or restriction, or objects."),
    N_("We have your request"),
    N_(
        "{greeting}\n\nWe have your request ({kind}). You get our answer by {day}.\n\n"
        "You see where it stands in “My data” at our help centre:\n\n{link}"
    ),
    (GREETING, KIND, DAY, LINK),
    ("day",),
)
LIFTED = Letter(
    "privacy.lifted",
    N_("A restriction is lifted by the privacy officer."),
    N_("The restriction of your data ends"),
    N_(
        "{greeting}\n\nYou had the processing of your data restricted. That ends now: our team can find your requests "
        "and work on them again.\n\nDo you not agree? Then ask for a restriction again:\n\n{link}"
    ),
    (GREETING, LINK),
    ("link",),
)
TO_DO = Letter(
    "privacy.to_do",
    N_("A request about data waits for the privacy officer."),
    N_("Data protection: a request waits for you"),
    N_(
        "{greeting}\n\nA request about data has arrived ({kind}). It is to be answered by {day}.\n\n"
        "Read it and decide here:\n\n{link}"
    ),
    (GREETING, KIND, DUE, LINK_TO_CASE),
    ("link", "day"),
)

SHIPPED = (
    YOUR_DATA,
    PLANNED,
    ERASED,
    PROLONGED,
    REFUSED,
    ANSWERED,
    RECEIVED,
    LIFTED,
    COPY_READY,
    NOTES_DECIDED,
    TO_DO,
)

ENTERED = N_("You get this letter because your address was entered at our help centre.")
OFFICER = N_("You get this letter because you work on requests about data protection.")
ASKED = N_("You get this letter because you asked for something about your data.")


def link(post: Post, ids: dict[str, Any]) -> Message | None:
    token = post.session.get(Token, ids["token_id"])
    person = post.session.get(Person, token.person_id) if token else None
    if token is None or person is None or not tokens.is_live(token, post.now):
        return None
    period = format_period(token.expires_at - token.created_at, _language(post, person.language))
    address = tokens.address(token, post.secret, post.base_url)
    return _to(post, YOUR_DATA, person, ENTERED, link=address, period=period)


def planned(post: Post, ids: dict[str, Any]) -> Message | None:
    request = post.session.get(PrivacyRequest, ids["request_id"])
    token = post.session.get(Token, ids["token_id"])
    person = post.session.get(Person, request.person_id) if request and request.person_id else None
    if request is None or token is None or person is None or request.state != GRACE or request.run_at is None:
        return None
    lang = _language(post, person.language)
    return _to(
        post,
        PLANNED,
        person,
        ASKED,
        link=tokens.address(token, post.secret, post.base_url),
        day=format_datetime(request.run_at, lang),
        **_plan_words(request, lang),
    )


def erased(post: Post, ids: dict[str, Any]) -> Message | None:
    request = post.session.get(PrivacyRequest, ids["request_id"])
    if request is None or not request.subject_email:
        return None
    lang = _language(post, request.subject_lang)
    certificate = f"{post.base_url}/privacy/certificates/{request.certificate_key}"
    values = {"link": certificate, **_plan_words(request, lang)}
    return post.write(ERASED, to=request.subject_email, lang=lang, values=values, why=ASKED)


def prolonged(post: Post, ids: dict[str, Any]) -> Message | None:
    return _answer(post, ids, PROLONGED, "extended_reason")


def refused(post: Post, ids: dict[str, Any]) -> Message | None:
    return _answer(post, ids, REFUSED, "answer")


def answered(post: Post, ids: dict[str, Any]) -> Message | None:
    return _answer(post, ids, ANSWERED, "answer")


def received(post: Post, ids: dict[str, Any]) -> Message | None:
    return _about(post, ids, RECEIVED)


def lifted(post: Post, ids: dict[str, Any]) -> Message | None:
    return _about(post, ids, LIFTED)


def to_do(post: Post, ids: dict[str, Any]) -> Message | None:
    """To one officer, about a request that is still open; whose it is says the page."""
    request = post.session.get(PrivacyRequest, ids["request_id"])
    officer = post.session.get(Person, ids["person_id"])
    if request is None or request.state != OPEN or officer is None or officer.disabled_at is not None:
        return None
    return _naming(post, TO_DO, request, officer, OFFICER, f"/admin/privacy/requests/{request.public_id}")


def _about(post: Post, ids: dict[str, Any], letter: Letter) -> Message | None:
    """A letter about a request that quotes nothing of it."""
    request = post.session.get(PrivacyRequest, ids["request_id"])
    person = post.session.get(Person, request.person_id) if request and request.person_id else None
    if request is None or person is None or person.erased_at is not None:
        return None
    return _naming(post, letter, request, person, ASKED, "/privacy/")


def _naming(
    post: Post, letter: Letter, request: PrivacyRequest, person: Person, why: str, path: str
) -> Message:
    """What is asked for, until when, and the page that says more."""
    lang = _language(post, person.language)
    return _to(
        post,
        letter,
        person,
        why,
        day=format_date(request.due_at, lang=lang),
        kind=gettext_in(lang)(labels.KIND[request.kind]),
        link=f"{post.base_url}{path}",
    )


def _answer(post: Post, ids: dict[str, Any], letter: Letter, field: str) -> Message | None:
    request = post.session.get(PrivacyRequest, ids["request_id"])
    person = post.session.get(Person, request.person_id) if request and request.person_id else None
    if request is None or person is None or person.erased_at is not None or not getattr(request, field):
        return None
    lang = _language(post, person.language)
    return _to(
        post,
        letter,
        person,
        ASKED,
        answer=getattr(request, field),
        day=format_date(request.due_at, lang=lang),
        kind=gettext_in(lang)(labels.KIND[request.kind]),
    )


def copy_ready(post: Post, ids: dict[str, Any]) -> Message | None:
    return _copy(post, ids, COPY_READY)


def notes_decided(post: Post, ids: dict[str, Any]) -> Message | None:
    return _copy(post, ids, NOTES_DECIDED)


def _copy(post: Post, ids: dict[str, Any], letter: Letter) -> Message | None:
    """The way to the page, never to the file: a letter may be read by others."""
    made = post.session.get(DataExport, ids["export_id"])
    person = post.session.get(Person, made.person_id) if made else None
    if made is None or person is None or made.state != READY or made.expires_at is None:
        return None
    if person.erased_at is not None or person.disabled_at is not None:
        return None
    day = format_datetime(made.expires_at, _language(post, person.language))
    return _to(post, letter, person, ASKED, link=f"{post.base_url}/privacy/exports", day=day)


def _plan_words(request: PrivacyRequest, lang: str) -> dict[str, str]:
    plan = Plan.from_json(request.plan or {})
    translate = gettext_in(lang)
    gone = [f"– {_counted(line, lang)}" for line in plan.lines if line not in plan.kept]
    kept = [f"– {_counted(line, lang)}: {_why(line, lang)}" for line in plan.kept]
    nothing = f"– {translate(N_('Nothing.'))}"
    return {"gone": "\n\n".join(gone) or nothing, "kept": "\n\n".join(kept) or nothing}


def _counted(line: Line, lang: str) -> str:
    words = gettext_in(lang)(labels.group(line.group))
    if line.count < 2:
        return words
    return (
        f"{words} ({ngettext_in(lang)('%(num)s entry', '%(num)s entries', line.count) % {'num': line.count}})"
    )


def _why(line: Line, lang: str) -> str:
    translate = gettext_in(lang)
    reason = translate(labels.REASON[line.reason])
    if line.until is None:
        return reason
    until = translate(N_("Until %(day)s.")) % {"day": format_date(line.until, lang=lang)}
    return f"{reason} {until}"


def _to(post: Post, letter: Letter, person: Person, why: str, **values: str) -> Message:
    lang = _language(post, person.language)
    translate = gettext_in(lang)
    hello = (
        translate(N_("Hello %(name)s,")) % {"name": person.name}
        if person.proved_at
        else translate(N_("Hello,"))
    )
    return post.write(letter, to=person.email, lang=lang, values={"greeting": hello, **values}, why=why)


def _language(post: Post, wanted: str | None) -> str:
    return wanted if wanted in post.languages else post.languages[0]
