"""Builds the web application from the settings: a short flat list, one line a part."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Blueprint, Flask
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

import app.tables  # noqa: F401  (every model, whatever views there are)
from app import access, cli, health_views, i18n, page, web
from app.accounts import admin_views as accounts_admin_views
from app.accounts import entry_views, group_admin_views, link_views, sessions
from app.accounts import queries as accounts_queries
from app.accounts import views as accounts_views
from app.accounts.permissions import VISITOR, Viewer
from app.admin import audit_views, letter_views, mail_views, settings_views, start_views, system_views
from app.api import search_views
from app.articles import (
    category_views,
    editor_views,
    glossary_views,
    insert_views,
    reader_views,
    synonym_views,
)
from app.articles import helping_views as article_helping_views
from app.db import Database
from app.deflection import search_views as deflection_search_views
from app.deflection import views as deflection_views
from app.legal import admin_views as legal_admin_views
from app.legal import views as legal_views
from app.mail import transport_for
from app.now import now
from app.privacy import admin_views as privacy_admin_views
from app.privacy import consent_views as privacy_consent_views
from app.privacy import deletion_views as privacy_deletion_views
from app.privacy import export_admin_views as privacy_export_admin_views
from app.privacy import export_views as privacy_export_views
from app.privacy import finding_views as privacy_finding_views
from app.privacy import identity_views as privacy_identity_views
from app.privacy import rights_admin_views as privacy_rights_admin_views
from app.privacy import rights_views as privacy_rights_views
from app.privacy import views as privacy_views
from app.reports import views as report_views
from app.reports import what_if_views
from app.sla import admin_views as sla_admin_views
from app.storage import Storage
from app.tickets import customer_views as ticket_customer_views
from app.tickets import policy_admin_views, policy_match_views, type_admin_views
from app.tickets import request_views as ticket_request_views
from app.tickets import shared_views as ticket_shared_views
from app.tickets.desk import views as desk_views
from config import Settings

MEGABYTE = 1024 * 1024

# Every page of the portal, by domain.
BLUEPRINTS: tuple[Blueprint, ...] = (
    health_views.bp,
    reader_views.bp,
    insert_views.bp,
    search_views.bp,
    editor_views.bp,
    category_views.bp,
    glossary_views.bp,
    synonym_views.bp,
    entry_views.bp,
    link_views.bp,
    accounts_views.bp,
    accounts_admin_views.bp,
    group_admin_views.bp,
    legal_views.bp,
    legal_admin_views.bp,
    privacy_views.bp,
    privacy_identity_views.bp,
    privacy_deletion_views.bp,
    privacy_admin_views.bp,
    privacy_finding_views.bp,
    privacy_consent_views.bp,
    privacy_rights_views.bp,
    privacy_rights_admin_views.bp,
    privacy_export_views.bp,
    privacy_export_admin_views.bp,
    ticket_request_views.bp,
    ticket_customer_views.bp,
    ticket_shared_views.bp,
    deflection_views.bp,
    deflection_search_views.bp,
    article_helping_views.bp,
    desk_views.bp,
    type_admin_views.bp,
    sla_admin_views.bp,
    policy_admin_views.bp,
    policy_match_views.bp,
    report_views.bp,
    what_if_views.bp,
    start_views.bp,
    settings_views.bp,
    letter_views.bp,
    audit_views.bp,
    system_views.bp,
    mail_views.bp,
)


def create_app(settings: Settings) -> Flask:
    """The portal for one installation. Opens no connection yet and starts no thread, so a process may fork it."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=300 * MEGABYTE,  # what is read; `app.uploads` keeps much less
        MAX_FORM_MEMORY_SIZE=4 * MEGABYTE,  # Flask's default would refuse a long article and lose its text
        MAX_FORM_PARTS=2000,
        WTF_CSRF_TIME_LIMIT=None,  # a composer may stay open for hours
        WTF_CSRF_SSL_STRICT=False,  # Origin is checked where it matters; Referer is often stripped
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    web.init(app, _parts(settings))
    access.init(app, load=_load_viewer, visitor=VISITOR, secure=settings.secure)
    i18n.init(app, languages=settings.languages, timezone=settings.timezone, preferred=_preferred_language)
    page.init(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.cli = cli.Commands()
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        proxied = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def _parts(settings: Settings) -> web.Portal:
    return web.Portal(
        database=Database(settings.database_url),
        storage=Storage(Path(settings.storage_url)),
        transport=transport_for(settings.mail, settings.captured_mail_dir),
        data_dir=settings.data_dir,
        search_dir=settings.search_dir,
        captured_mail_dir=settings.captured_mail_dir,
        base_url=settings.base_url,
        secret_key=settings.secret_key,
        languages=settings.languages,
        timezone=settings.timezone,
        mail_from=settings.mail_from,
        mail_captured=settings.mail.kind == "capture",
        rate_limits=settings.rate_limits,
        undo_seconds=settings.undo_seconds,
        demo=settings.demo,
        metrics_token=settings.metrics_token,
        ledger_folders=settings.ledger_folders,
        ledger_keys=settings.ledger_keys,
        backup_key=settings.backup_key,
    )


def _load_viewer(session: Session, token: str) -> Viewer | None:
    """The person behind a session cookie; notes her visit at most once a minute."""
    moment = now()
    viewer = accounts_queries.viewer_of_session(
        session, token, now=moment, idle=web.preferences().period("period_session_days")
    )
    if viewer is not None and moment.timestamp() - viewer.session_seen_at > 60:
        web.observe_later(lambda light: sessions.seen(light, viewer, now=moment))
    return viewer


def _preferred_language() -> str | None:
    return current_user.language if current_user.is_authenticated else None
