"""The forms of accounts: what people type about themselves, and admins about people, organisations and teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.accounts.models import ADMIN, AGENT, COLLEAGUE, EDITOR, LEAD, MANAGER, MEMBER, PRIVACY_OFFICER
from app.accounts.passwords import MIN_LENGTH
from app.accounts.permissions import Held
from app.forms import EmailAddress, PortalForm, at_most, required
from app.i18n import NATIVE_NAMES

LONGEST_NAME, LONGEST_ADDRESS = 200, 254  # RFC 5321: an address fits in 254 characters

ROLE_NAMES = {
    ADMIN: _("Administrator"),
    LEAD: _("Team lead"),
    AGENT: _("Agent"),
    EDITOR: _("Editor"),
    PRIVACY_OFFICER: _("Privacy officer"),
}
MEMBERSHIP_NAMES = {
    MEMBER: _("Member: sees own requests"),
    COLLEAGUE: _("Colleague: sees all requests of the organisation"),
    MANAGER: _("Manager: also invites and removes people"),
}
SHORT_MEMBERSHIP_NAMES = {MEMBER: _("Member"), COLLEAGUE: _("Colleague"), MANAGER: _("Manager")}
EVERYWHERE, NOWHERE = "all", "none"


def choices(labels: Mapping[Any, Any]) -> Any:
    """What a select or a list of boxes offers: labels by value."""
    return [SelectChoice(value, label) for value, label in labels.items()]


def typed(field: Any) -> str:
    """What was typed into a field; empty for nothing."""
    return field.data or ""


def _email(label: Any = None) -> StringField:
    return StringField(
        label or _("Email address"),
        [required(_("Enter an email address.")), at_most(LONGEST_ADDRESS), EmailAddress()],
    )


def _name(label: Any = None) -> StringField:
    return StringField(label or _("Name"), [required(_("Enter a name.")), at_most(LONGEST_NAME)])


def _new_password() -> PasswordField:
    return PasswordField(
        _("Password"),
        [required(_("Enter a password."))],
        description=_(
            "At least %(least)s characters, better 15. Several words are easy to remember.", least=MIN_LENGTH
        ),
    )


class Checkboxes(SelectMultipleField):
    """Several of a list, as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


# --- for everybody -----------------------------------------------------------------------------------------------


class SignInForm(PortalForm):
    email = _email()
    password = PasswordField(_("Password"), [required(_("Enter your password."))])
    next = HiddenField(validators=[Optional()])


class SignUpForm(PortalForm):
    name = _name(_("Your name"))
    email = _email()
    password = _new_password()


class AddressForm(PortalForm):
    """Where the letter with a link is to go."""

    email = _email()


class ResetForm(PortalForm):
    password = _new_password()


class OwnPasswordForm(PortalForm):
    """Whoever confirms a sign-up in another browser knows its password."""

    password = PasswordField(
        _("Your password"),
        [required(_("Enter your password."))],
        description=_("The one that you chose when you signed up."),
    )


class AcceptForm(PortalForm):
    """An invited person opens her account."""

    name = _name(_("Your name"))
    password = _new_password()


class ButtonForm(PortalForm):
    """Only a button; carries the CSRF token and shows a rule's answer."""


# --- for oneself -------------------------------------------------------------------------------------------------


class SpokenForm(PortalForm):
    """Parent of forms that ask for a person's language."""

    language = SelectField(_("Language"), description=_("Pages and emails come in this language."))

    def offer_languages(self, languages: tuple[str, ...]) -> Self:
        """The same form with its choices."""
        self.language.choices = choices({code: NATIVE_NAMES[code] for code in languages})
        return self


class ProfileForm(SpokenForm):
    name = _name(_("Your name"))


class NewAddressForm(PortalForm):
    email = _email(_("New email address"))
    current = PasswordField(
        _("Current password"),
        [required(_("Enter your current password."))],
        description=_("So that nobody else changes your address."),
    )


class PasswordForm(PortalForm):
    current = PasswordField(_("Current password"), [required(_("Enter your current password."))])
    password = PasswordField(
        _("New password"),
        [required(_("Enter a password."))],
        description=_(
            "At least %(least)s characters, better 15. Several words are easy to remember.", least=MIN_LENGTH
        ),
    )


class MemberForm(PortalForm):
    """Who is to belong to an organisation, and as what."""

    email = _email()
    role = SelectField(_("Role"), choices=choices(MEMBERSHIP_NAMES), default=MEMBER)


# --- for admins --------------------------------------------------------------------------------------------------


class PersonForm(SpokenForm):
    name = _name()
    email = _email()


class RolesForm(PortalForm):
    """Every role a person holds. Nothing ticked: a customer."""

    roles = Checkboxes(
        _("Roles everywhere"),
        choices=choices({role: ROLE_NAMES[role] for role in (AGENT, ADMIN, PRIVACY_OFFICER)}),
        validators=[Optional()],
    )
    lead = Checkboxes(_("Leads the teams"), validators=[Optional()])
    editor = Checkboxes(_("Edits articles of"), validators=[Optional()])

    def offer_roles(
        self,
        teams: list[tuple[int, str]],
        categories: list[tuple[int, dict[str, str]]],
        lang: str,
        held: frozenset[Held] = frozenset(),
    ) -> Self:
        """The same form with its choices; filled with what is held unless it was sent."""
        waiting = any(one.role == LEAD and one.team_id is None for one in held)
        no_team = {NOWHERE: _("No team yet")} if waiting else {}
        self.lead.choices = choices(no_team | {str(key): name for key, name in teams})
        named = {str(key): names.get(lang) or next(iter(names.values()), "") for key, names in categories}
        self.editor.choices = choices({EVERYWHERE: _("all categories")} | named)
        if not self.is_submitted():
            self.roles.data = [one.role for one in held if one.role not in (LEAD, EDITOR)]
            self.lead.data = [str(one.team_id or NOWHERE) for one in held if one.role == LEAD]
            self.editor.data = [str(one.category_id or EVERYWHERE) for one in held if one.role == EDITOR]
        return self

    def held(self) -> set[Held]:
        """The roles that are ticked. All categories take in each one."""
        edited = self.editor.data or []
        categories = [None] if EVERYWHERE in edited else [int(key) for key in edited]
        return {
            *(Held(role) for role in self.roles.data or []),
            *(Held(LEAD, team_id=None if key == NOWHERE else int(key)) for key in self.lead.data or []),
            *(Held(EDITOR, category_id=key) for key in categories),
        }


class NewPersonForm(PersonForm, RolesForm):
    """A person with her first roles."""


class OrganisationForm(PortalForm):
    name = _name()
    slug = StringField(
        _("Short name"),
        [Optional(), at_most(60)],
        description=_(
            "Names the organisation in audiences of articles. Left empty, it is made from the name."
        ),
    )


class TeamForm(PortalForm):
    name = _name(_("Name of the team"))


class TeamMemberForm(PortalForm):
    person_id = SelectField(_("Person"), coerce=int)
