"""The audit log in words: each action, each kind of object and its address, each detail.

Knows names only, no row. A test reads the code and fails for an action that is recorded somewhere and missing here.
"""

from __future__ import annotations

from app.words import N_

ACTIONS: dict[str, str] = {
    "article.create": N_("Article created"),
    "article.image": N_("Image added to an article"),
    "article.save": N_("Article edited"),
    "article.publish": N_("Article published"),
    "article.withdraw": N_("Article withdrawn"),
    "article.archive": N_("Article archived"),
    "article.settle": N_("Place or readers of an article changed"),
    "category.create": N_("Category created"),
    "category.change": N_("Category changed"),
    "category.delete": N_("Category deleted"),
    "database.copy": N_("Database copied"),
    "database.upgrade": N_("Database brought to a newer version"),
    "database.downgrade": N_("Database brought to an older version"),
    "demo.clear": N_("Demo removed"),
    "glossary.create": N_("Glossary term created"),
    "glossary.change": N_("Glossary term changed"),
    "glossary.delete": N_("Glossary term deleted"),
    "job.retry": N_("Failed work tried again"),
    "legal_text.publish": N_("Legal text published"),
    "letter.change": N_("Email template changed"),
    "membership.invite": N_("Person invited to an organisation"),
    "membership.withdraw": N_("Invitation to an organisation withdrawn"),
    "membership.set": N_("Place in an organisation set"),
    "membership.remove": N_("Person removed from an organisation"),
    "organisation.create": N_("Organisation created"),
    "organisation.edit": N_("Organisation changed"),
    "person.create": N_("Person added"),
    "person.edit": N_("Person changed"),
    "person.roles": N_("Roles of a person changed"),
    "person.close": N_("Account closed"),
    "person.reopen": N_("Account reopened"),
    "person.link": N_("Link sent to a person"),
    "preference.change": N_("Setting changed"),
    "request_type.create": N_("Request type created"),
    "request_type.change": N_("Request type changed"),
    "request_type.delete": N_("Request type deleted"),
    "team.create": N_("Team created"),
    "team.edit": N_("Team changed"),
    "team.delete": N_("Team deleted"),
    "team.add": N_("Person added to a team"),
    "team.remove": N_("Person removed from a team"),
}

OBJECTS: dict[str, str] = {
    "article": N_("Article"),
    "article_text": N_("Article"),
    "category": N_("Category"),
    "database": N_("Database"),
    "glossary_term": N_("Glossary term"),
    "job": N_("Work"),
    "legal_text": N_("Legal text"),
    "letter_text": N_("Email template"),
    "organisation": N_("Organisation"),
    "request_type": N_("Request type"),
    "person": N_("Person"),
    "preference": N_("Setting"),
    "team": N_("Team"),
}

# What stands in `details`, where it is worth a line of its own.
DETAILS: dict[str, str] = {
    "fields": N_("Changed"),
    "from": N_("Before"),
    "to": N_("After"),
    "role": N_("Role"),
    "state": N_("State"),
    "count": N_("Number"),
    "lang": N_("Language"),
    "version": N_("Version"),
    "reason": N_("Reason"),
    "person_id": N_("Person"),
}

# Codes that stand in details as values.
VALUES: dict[str, str] = {
    "address": N_("Address"),
    "admin": N_("Administrator"),
    "agent": N_("Agent"),
    "audience": N_("Readers"),
    "body": N_("Text"),
    "category": N_("Category"),
    "colleague": N_("Colleague"),
    "customer": N_("Customer"),
    "de": N_("German"),
    "editor": N_("Editor"),
    "email": N_("Email address"),
    "en": N_("English"),
    "invitation": N_("Accept an invitation"),
    "keywords": N_("Keywords"),
    "language": N_("Language"),
    "lead": N_("Team lead"),
    "manager": N_("Manager"),
    "member": N_("Member"),
    "name": N_("Name"),
    "privacy_officer": N_("Privacy officer"),
    "reset": N_("Reset a password"),
    "slug": N_("Address"),
    "summary": N_("Summary"),
    "title": N_("Title"),
}

# Where an object's page is; `{id}` and `{lang}` come from its row, `{name}` from the details.
ADDRESSES: dict[str, str] = {
    "article": "/admin/articles/{id}/{lang}",
    "article_text": "/admin/articles/{id}/{lang}",
    "category": "/admin/categories/{id}",
    "glossary_term": "/admin/glossary/{id}",
    "legal_text": "/admin/legal/{name}/{lang}",
    "letter_text": "/admin/mail-templates/{name}",
    "organisation": "/admin/organisations/{id}",
    "person": "/admin/people/{id}",
    "preference": "/admin/settings",
    "team": "/admin/teams/{id}",
}
