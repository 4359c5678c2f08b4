"""The forms of data protection: of people about their own data, and of the privacy officer."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, NumberRange, Optional

from app.accounts.forms import LONGEST_ADDRESS, Checkboxes, choices
from app.forms import EmailAddress, PortalForm, at_most, required
from app.privacy import labels
from app.privacy.blackout import LONGEST
from app.privacy.export_models import RELEASED, WITHHELD
from app.privacy.models import KINDS

LONGEST_WORDS, LONGEST_REASON, LONGEST_FORMER = 5_000, 80, 1_000


class AddressForm(PortalForm):
    """Where the link to one's own data goes."""

    email = StringField(
        _("Email address"),
        [required(_("Enter an email address.")), at_most(LONGEST_ADDRESS), EmailAddress()],
    )


class _FormerField(PortalForm):
    """Names and addresses of earlier times."""

    former = TextAreaField(_("Former names or addresses"), [Optional(), at_most(LONGEST_FORMER)])


class DeletionForm(_FormerField):
    """The account is to be deleted: the password once more."""

    current = PasswordField(_("Password"), [required(_("Enter your password."))])


class LinkedDeletionForm(_FormerField):
    """The same for somebody who came by a link and may have no password."""

    sure = BooleanField(
        _("Delete everything that is listed above"), [InputRequired(_("Tick the box to go on."))]
    )


class LinkedPartForm(PortalForm):
    """One request or file is to be deleted, by somebody who came by a link and may have no password."""

    sure = BooleanField(
        _("Delete everything that is listed above"), [InputRequired(_("Tick the box to go on."))]
    )


class AskForm(PortalForm):
    """What a person asks for, in her words."""

    words = TextAreaField(
        _("Your words"), [required(_("Write a few words, so that we can help.")), at_most(LONGEST_WORDS)]
    )


class ConsentForm(PortalForm):
    """One switch: the words that were shown, and whether she agrees."""

    digest = HiddenField()
    wanted = HiddenField()


class PasswordForm(PortalForm):
    """A copy of all data is wanted: the password once more."""

    current = PasswordField(_("Password"), [required(_("Enter your password."))])


class UndoForm(PortalForm):
    """The button behind the link in the letter; `token` is what the link carries."""

    token = HiddenField()


# --- the privacy officer -------------------------------------------------------------------------------------------


class StartForm(PortalForm):
    """A request that came by letter, phone or mail."""

    kind = SelectField(
        _("What is asked for"),
        choices=choices({kind: _(labels.KIND[kind]) for kind in KINDS}),
    )
    email = StringField(
        _("Email address of the person"),
        [required(_("Enter an email address.")), at_most(LONGEST_ADDRESS), EmailAddress()],
    )
    note = TextAreaField(_("What the person wrote or said"), [at_most(LONGEST_WORDS)])


class NoteForm(_FormerField):
    """What the person wrote or said, beside a preview."""

    note = TextAreaField(_("What the person wrote or said"), [at_most(LONGEST_WORDS)])


class FormerForm(_FormerField):
    """Names and addresses that the person had before."""


class CorrectionForm(PortalForm):
    """A note of correction beside a message."""

    text = TextAreaField(_("How it is right"), [required(_("Write the correction.")), at_most(LONGEST_WORDS)])


class LookForm(PortalForm):
    """Why something restricted is looked at (GDPR Art. 18(2))."""

    reason = SelectField(
        _("Reason"), choices=choices({code: _(words) for code, words in labels.LOOK.items()})
    )


class RecipientForm(PortalForm):
    """Somebody outside who handles data for the operator."""

    name = StringField(_("Name"), [required(_("Enter a name.")), at_most(200)])
    country = StringField(_("Country"), [required(_("Enter a country.")), at_most(100)])
    contract_on = DateField(_("Day of the contract"), [Optional()])


class WordsForm(PortalForm):
    """Words to the person: an answer, a refusal, why it takes longer."""

    words = TextAreaField(
        _("Your words to the person"),
        [required(_("Write what the person is to read.")), at_most(LONGEST_WORDS)],
    )


class HoldForm(PortalForm):
    """A case for which something may not be deleted."""

    email = StringField(_("Email address of the person"), [Optional(), EmailAddress()])
    number = IntegerField(_("Or number of one request"), [Optional(), NumberRange(1, 10**12)])
    ground = SelectField(
        _("Kind of case"), choices=choices({code: _(words) for code, words in labels.GROUND.items()})
    )
    reason = TextAreaField(_("Reason"), [required(_("Write the reason.")), at_most(LONGEST_WORDS)])
    review_on = DateField(_("Look at it again on"), [required(_("Enter a day."))])


class ReviewForm(PortalForm):
    """Another day for the next look."""

    review_on = DateField(_("Look at it again on"), [required(_("Enter a day."))])


class FindForm(PortalForm):
    """What to look for in every store."""

    q = StringField(_("Name, address or other words"), [required(_("Enter what to look for.")), at_most(200)])
    former = TextAreaField(_("Former names or addresses"), [Optional(), at_most(LONGEST_FORMER)])


class PassageForm(PortalForm):
    """A passage that is to disappear."""

    passage = TextAreaField(
        _("The passage, word for word"), [required(_("Enter the passage.")), at_most(LONGEST)]
    )
    reason = StringField(_("Reason"), [required(_("Write the reason.")), at_most(LONGEST_REASON)])


class PlacesForm(PortalForm):
    """Which places of the passage are changed."""

    places = Checkboxes(_("Places"))


class ReasonForm(PortalForm):
    """Why a file is removed."""

    reason = StringField(_("Reason"), [required(_("Write the reason.")), at_most(LONGEST_REASON)])


LONGEST_NOTE = 100_000


class NoteDecisionForm(PortalForm):
    """What a person gets to read of an internal note about her, or why she does not."""

    decision = RadioField(
        _("Decision"),
        [InputRequired(_("Choose whether the person gets the note."))],
        choices=choices({RELEASED: _("Hand out in these words"), WITHHELD: _("Withhold")}),
    )
    text = TextAreaField(_("What the person reads"), [at_most(LONGEST_NOTE)])
    reason = TextAreaField(_("Why it is withheld"), [at_most(LONGEST_WORDS)])
