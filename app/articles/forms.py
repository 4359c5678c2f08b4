"""Forms of the help centre: what is asked and how much may be typed. Rules beyond that are the services'."""

from __future__ import annotations

from flask_babel import lazy_gettext
from wtforms import (
    BooleanField,
    FileField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import AnyOf, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.accounts.forms import Checkboxes, choices
from app.articles.glossary import LONGEST_DEFINITION, LONGEST_TERM
from app.articles.models import CUSTOMERS, INTERNAL, LISTED, PUBLIC, VOTE_REASONS
from app.articles.service import LONGEST_BODY, LONGEST_SUMMARY, LONGEST_TITLE
from app.articles.slugs import LONGEST as LONGEST_SLUG
from app.articles.votes import LONGEST_COMMENT
from app.forms import PortalForm, at_most, localised_field, required

REASONS = {
    "wrong": lazy_gettext("Something is wrong"),
    "unclear": lazy_gettext("It is hard to understand"),
    "outdated": lazy_gettext("It is out of date"),
    "missing": lazy_gettext("Something is missing"),
    "other": lazy_gettext("Something else"),
}
AUDIENCES = {
    PUBLIC: lazy_gettext("Everybody"),
    CUSTOMERS: lazy_gettext("Customers who have signed in"),
    LISTED: lazy_gettext("Some organisations or customer groups"),
    INTERNAL: lazy_gettext("The team only"),
}


class VoteForm(PortalForm):
    """Was this article helpful. Passes by origin: a reader without a session has no token."""

    class Meta(PortalForm.Meta):
        csrf = False

    helpful = StringField(validators=[AnyOf(("yes", "no"), lazy_gettext("Choose yes or no."))])
    reason = RadioField(
        lazy_gettext("What is the matter?"),
        choices=choices({name: REASONS[name] for name in VOTE_REASONS}),
        validators=[Optional()],
        validate_choice=True,
    )
    comment = TextAreaField(lazy_gettext("What should we change?"), [at_most(LONGEST_COMMENT)])


class ArticleForm(PortalForm):
    """An article in one language, with what all its languages share. `based_on` is the revision it began with."""

    based_on = IntegerField(validators=[Optional(), NumberRange(0)], widget=HiddenInput())
    title = StringField(
        lazy_gettext("Title"), [required(lazy_gettext("Enter a title.")), at_most(LONGEST_TITLE)]
    )
    slug = StringField(
        lazy_gettext("Address"),
        [at_most(LONGEST_SLUG)],
        description=lazy_gettext("The last part of the address. Left empty it is made from the title."),
    )
    category_id = SelectField(lazy_gettext("Category"), coerce=int)
    audience = RadioField(
        lazy_gettext("Who may read it"),
        choices=choices(AUDIENCES),
        default=PUBLIC,
        validators=[required(lazy_gettext("Choose who may read the article."))],
        description=lazy_gettext("Category and readers hold for all languages and change at once."),
    )
    organisations = Checkboxes(
        lazy_gettext("Organisations"),
        description=lazy_gettext("Counts where you chose some organisations or customer groups."),
    )
    segments = Checkboxes(lazy_gettext("Customer groups"))
    summary = TextAreaField(
        lazy_gettext("Summary"),
        [at_most(LONGEST_SUMMARY)],
        description=lazy_gettext("One sentence that answers the question. Lists and searches show it."),
    )
    keywords = TextAreaField(
        lazy_gettext("Keywords"),
        [at_most(2000)],
        description=lazy_gettext("Other words customers use, separated by commas."),
    )
    body = TextAreaField(lazy_gettext("Text"), [at_most(LONGEST_BODY)])
    image = FileField(
        lazy_gettext("Image"),
        description=lazy_gettext("PNG, JPEG, WebP or GIF. It is put at the end of the text."),
    )
    image_alt = StringField(lazy_gettext("What the image shows"), [at_most(300)])
    image_decorative = BooleanField(lazy_gettext("The image is decoration only"))

    def offer(
        self, categories: dict[int, str], organisations: dict[str, str], segments: dict[str, str]
    ) -> None:
        """Fill what can be chosen. Category 0 is none."""
        self.category_id.choices = choices(categories)
        self.organisations.choices = choices(organisations)
        self.segments.choices = choices(segments)


class NewArticleForm(ArticleForm):
    """A new article: also asks for the language."""

    lang = SelectField(lazy_gettext("Language"))


def category_form(languages: tuple[str, ...]) -> type[PortalForm]:
    """The form of a category, with its texts in the portal's languages."""

    class CategoryForm(PortalForm):
        name = localised_field(lazy_gettext("Name"), languages, StringField, 80, all_required=True)
        description = localised_field(
            lazy_gettext("Description"), languages, TextAreaField, 300, all_required=False
        )
        slug = StringField(
            lazy_gettext("Address"),
            [at_most(80)],
            description=lazy_gettext(
                "Small letters, digits and hyphens. Left empty it is made from the name."
            ),
        )
        parent_id = SelectField(lazy_gettext("Below"), coerce=int)
        position = IntegerField(
            lazy_gettext("Order"),
            [Optional(), NumberRange(0, 100_000)],
            default=100,
            description=lazy_gettext("Smaller numbers come first."),
        )

    return CategoryForm


class TermForm(PortalForm):
    """A term of the glossary."""

    lang = SelectField(lazy_gettext("Language"))
    term = StringField(lazy_gettext("Term"), [required(lazy_gettext("Enter a term.")), at_most(LONGEST_TERM)])
    definition = TextAreaField(
        lazy_gettext("What it means"),
        [required(lazy_gettext("Say what it means.")), at_most(LONGEST_DEFINITION)],
    )
    also = StringField(
        lazy_gettext("Other names"), [at_most(500)], description=lazy_gettext("Separated by commas.")
    )
    related = StringField(
        lazy_gettext("Related terms"),
        [at_most(1000)],
        description=lazy_gettext("Addresses of other terms, separated by commas."),
    )


class SynonymsForm(PortalForm):
    """Words that mean the same."""

    lang = SelectField(lazy_gettext("Language"))
    words = TextAreaField(
        lazy_gettext("Words"),
        [required(lazy_gettext("Enter the words.")), at_most(2000)],
        description=lazy_gettext("One word or phrase a line. Endings and umlauts do not matter."),
    )


class StopWordsForm(PortalForm):
    """Words that say little about what is sought."""

    words = TextAreaField(
        lazy_gettext("Words that count little"),
        [at_most(40_000)],
        description=lazy_gettext("One word a line, for example the name of your company."),
    )
