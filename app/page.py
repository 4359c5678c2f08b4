"""What every page shows around its content: company, languages, theme, navigation, addresses of the static files.

It names addresses and actions of all domains, so it stands on the top floor; no domain imports it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, request, session, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_login import current_user
from markupsafe import Markup
from whitenoise import WhiteNoise

from app import i18n
from app.web import portal, preferences

STATIC = Path(__file__).parent / "static"
TEXTS, PACKED = (".css", ".js", ".svg"), ".gz"
MADE = (PACKED, ".part")  # by ourselves, from the others
SPECIFIC = ("slug", "path", "token")  # parts of an address that are different in each language

LEGAL = (
    ("contact", lazy_gettext("Contact")),
    ("privacy-notice", lazy_gettext("Privacy notice")),
    ("imprint", lazy_gettext("Legal notice")),
    ("accessibility", lazy_gettext("Accessibility")),
)

# The workspace's side navigation: (group, [(address, label, icon, action needed)]).
NAVIGATION = (
    (
        lazy_gettext("Tickets"),
        (
            ("/desk/", lazy_gettext("Inbox"), "inbox", "tickets.work"),
            ("/reports/", lazy_gettext("Reports"), "activity", "reports.read"),
            ("/admin/request-types", lazy_gettext("Request types"), "tag", "request_types.edit"),
            ("/admin/calendars", lazy_gettext("Working hours"), "calendar", "sla.edit"),
            ("/admin/sla-policies", lazy_gettext("Promised times"), "clock", "sla.edit"),
        ),
    ),
    (
        lazy_gettext("Help centre"),
        (
            ("/admin/articles", lazy_gettext("Articles"), "file-text", "articles.edit"),
            ("/admin/categories", lazy_gettext("Categories"), "folder", "categories.edit"),
            ("/admin/glossary", lazy_gettext("Glossary"), "book-open", "glossary.edit"),
            ("/admin/synonyms", lazy_gettext("Synonyms"), "link", "synonyms.edit"),
            ("/admin/searches", lazy_gettext("Searches"), "search", "searches.read"),
        ),
    ),
    (
        lazy_gettext("People"),
        (
            ("/admin/people", lazy_gettext("People"), "users", "people.edit"),
            ("/admin/organisations", lazy_gettext("Organisations"), "building-2", "organisations.edit"),
            ("/admin/teams", lazy_gettext("Teams"), "users", "teams.members"),
        ),
    ),
    (
        lazy_gettext("Portal"),
        (
            ("/admin/settings", lazy_gettext("Settings"), "settings", "settings.edit"),
            ("/admin/mail-templates", lazy_gettext("Email templates"), "mail", "letters.edit"),
            ("/admin/legal", lazy_gettext("Legal texts"), "shield", "legal.edit"),
            ("/admin/privacy", lazy_gettext("Data protection"), "lock", "privacy.work"),
            ("/admin/audit", lazy_gettext("Audit log"), "scroll-text", "audit.read"),
            ("/admin/system", lazy_gettext("System"), "activity", "system.read"),
        ),
    ),
)


def init(app: Flask) -> None:
    """Give every template its surroundings and serve the static files."""
    compress(STATIC)
    prefix = f"static/{_version(STATIC)}/"
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(STATIC),
        prefix=prefix,
        immutable_file_test=lambda path, url: True,
        charset="utf-8",
    )

    def asset_url(name: str) -> str:
        return f"/{prefix}{name}"

    @cache
    def draw_icon(name: str, size: str = "") -> Markup:
        kind = f"icon icon-{size}" if size else "icon"
        picture = Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>')
        return picture.format(kind, asset_url("icons.svg"), name)

    app.jinja_env.globals.update(asset_url=asset_url, draw_icon=draw_icon)
    app.context_processor(_surroundings)


def compress(folder: Path) -> None:
    """Make the compressed twins of the files that are text, where they are missing or of other contents: a first visit
    then takes a third of the bytes. Where nothing can be written, they are sent as they are."""
    for source in folder.rglob("*"):
        if source.suffix not in TEXTS:
            continue
        target = source.with_name(source.name + PACKED)
        try:
            packed = gzip.compress(source.read_bytes(), 9, mtime=0)
            if target.exists() and target.read_bytes() == packed:
                continue
            partial = target.with_name(f"{target.name}.{os.getpid()}.part")
            partial.write_bytes(packed)
            partial.replace(target)
        except OSError:
            with suppress(OSError):
                target.unlink(missing_ok=True)


def _version(folder: Path) -> str:
    """One version for all files, made of their contents: browsers keep them for ever, and modules still find each
    other by relative address."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in MADE):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _surroundings() -> dict[str, Any]:
    lang = i18n.language()
    return {
        "lang": lang,
        "languages": [(code, i18n.NATIVE_NAMES[code]) for code in portal().languages],
        "theme": current_user.theme or session.get("theme") or "system",
        "company": LazyString(lambda: preferences().localised("company_name", lang)),
        "alternate_urls": _alternates(lang),
        "legal_links": [(f"/{page}", label) for page, label in LEGAL],
        "workspace_nav": _navigation(),
    }


def _alternates(lang: str) -> dict[str, str]:
    """This page in the other languages, where the address alone says it; pages with a slug say it themselves."""
    values = request.view_args or {}
    if "lang" not in values or not request.endpoint or any(name in values for name in SPECIFIC):
        return {}
    others = (code for code in portal().languages if code != lang)
    query = request.args.to_dict()
    return {code: url_for(request.endpoint, **{**query, **values, "lang": code}) for code in others}


def _navigation() -> list[tuple[Any, list[tuple[str, Any, str, bool, None]]]]:
    if not current_user.is_staff:
        return []
    groups = []
    for label, links in NAVIGATION:
        shown = [
            (url, text, icon, request.path == url or request.path.startswith(url.rstrip("/") + "/"), None)
            for url, text, icon, action in links
            if current_user.may(action)
        ]
        if shown:
            groups.append((label, shown))
    return groups
