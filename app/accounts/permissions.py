"""Who may do what: one table of actions, and the viewer whose grants are looked up in it.

Everything that shows or changes something asks a `Viewer`. No database, no Flask.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.models import ADMIN, AGENT, EDITOR, LEAD, MANAGER, PRIVACY_OFFICER, STAFF

# Each action names the roles that may. A lead's and an editor's role counts for their own team or category.
PERMISSIONS: dict[str, frozenset[str]] = {
    "workspace": frozenset({ADMIN, AGENT, LEAD, EDITOR, PRIVACY_OFFICER}),
    "admin.area": frozenset({ADMIN, LEAD, EDITOR, PRIVACY_OFFICER}),
    "tickets.work": frozenset({ADMIN, AGENT, LEAD}),
    "articles.edit": frozenset({ADMIN, EDITOR}),
    "articles.read_internal": frozenset({ADMIN, AGENT, LEAD, EDITOR, PRIVACY_OFFICER}),
    "categories.edit": frozenset({ADMIN}),
    "glossary.edit": frozenset({ADMIN, EDITOR}),
    "synonyms.edit": frozenset({ADMIN, EDITOR}),
    "searches.read": frozenset({ADMIN, EDITOR}),
    "people.edit": frozenset({ADMIN}),
    "organisations.edit": frozenset({ADMIN}),
    "teams.edit": frozenset({ADMIN}),
    "teams.members": frozenset({ADMIN, LEAD}),
    "request_types.edit": frozenset({ADMIN}),
    "sla.edit": frozenset({ADMIN}),
    "breaches.excuse": frozenset({ADMIN, LEAD}),
    "reports.read": frozenset({ADMIN, LEAD}),
    "settings.edit": frozenset({ADMIN}),
    "letters.edit": frozenset({ADMIN}),
    "legal.edit": frozenset({ADMIN, PRIVACY_OFFICER}),
    "audit.read": frozenset({ADMIN, PRIVACY_OFFICER}),
    "system.read": frozenset({ADMIN}),
    "jobs.retry": frozenset({ADMIN}),
    "privacy.read": frozenset({ADMIN, PRIVACY_OFFICER}),
    "privacy.work": frozenset({ADMIN, PRIVACY_OFFICER}),
    "holds.decide": frozenset({ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A grant as it counts: the role, and the team or category it is limited to (None: everywhere)."""

    role: str
    team_id: int | None = None
    category_id: int | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person looking, as far as permissions and audiences need her; `person_id` is None for a visitor.

    `organisations` maps ids to her role there; `segments` are ids. Also serves as Flask-Login's user: `token` is
    what the cookie carries.
    """

    person_id: int | None = None
    public_id: str = ""
    name: str = ""
    email: str = ""
    kind: str = ""
    language: str | None = None
    theme: str | None = None
    held: tuple[Held, ...] = ()
    organisations: tuple[tuple[int, str, str], ...] = ()  # (id, slug, role)
    segments: tuple[tuple[int, str], ...] = ()  # (id, slug)
    session_id: int | None = None
    session_seen_at: int = 0
    token: str = ""

    def may(self, action: str, *, team_id: int | None = None, category_id: int | None = None) -> bool:
        """Whether she may do this, for one team or category where it matters.

        Without a team or category it asks whether she may do it anywhere.
        """
        roles = PERMISSIONS[action]
        return any(self._covers(held, team_id, category_id) for held in self.held if held.role in roles)

    @staticmethod
    def _covers(held: Held, team_id: int | None, category_id: int | None) -> bool:
        if held.role == LEAD and team_id is not None:
            return held.team_id == team_id
        if held.role == EDITOR and held.category_id is not None and category_id is not None:
            return held.category_id == category_id
        return True

    def manages(self, organisation_id: int) -> bool:
        """Whether she may invite and remove people of an organisation."""
        return any(place[0] == organisation_id and place[2] == MANAGER for place in self.organisations)

    @property
    def is_staff(self) -> bool:
        return self.kind == STAFF

    @property
    def audiences(self) -> frozenset[str]:
        """The audience tokens whose articles she may find (`knowledge_base.document`)."""
        tokens = {"public"}
        if self.person_id is not None:
            tokens.add("customers")
            tokens |= {f"organisation:{slug}" for _, slug, _ in self.organisations}
            tokens |= {f"segment:{slug}" for _, slug in self.segments}
        if self.may("articles.read_internal"):
            tokens.add("internal")
        return frozenset(tokens)

    @property
    def reads_everything(self) -> bool:
        """Staff read every published article, whoever it is for."""
        return self.may("articles.read_internal")

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    # What Flask-Login asks of a user.
    @property
    def is_authenticated(self) -> bool:
        return self.person_id is not None

    @property
    def is_active(self) -> bool:
        return self.is_authenticated

    @property
    def is_anonymous(self) -> bool:
        return not self.is_authenticated

    def get_id(self) -> str:
        return self.token


VISITOR = Viewer()
