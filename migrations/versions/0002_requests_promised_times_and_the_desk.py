"""Requests, promised times and the desk"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "business_calendar",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("holiday_country", sa.Text(), nullable=True),
        sa.Column("holiday_subdiv", sa.Text(), nullable=True),
        sa.Column("holiday_categories", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business_calendar")),
        sa.UniqueConstraint("name", name=op.f("uq_business_calendar_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "business_hours",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("weekday", sa.BigInteger(), nullable=False),
        sa.Column("opens_minute", sa.BigInteger(), nullable=False),
        sa.Column("closes_minute", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("closes_minute BETWEEN 1 AND 1440", name=op.f("ck_business_hours_closes_minute")),
        sa.CheckConstraint("opens_minute BETWEEN 0 AND 1439", name=op.f("ck_business_hours_opens_minute")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_business_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["business_calendar.id"],
            name=op.f("fk_business_hours_calendar_id_business_calendar"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business_hours")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("business_hours", schema=None) as batch_op:
        batch_op.create_index(
            "ix_business_hours_calendar_id_valid_from", ["calendar_id", "valid_from"], unique=False
        )

    op.create_table(
        "calendar_exception",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opens_minute", sa.BigInteger(), nullable=True),
        sa.Column("closes_minute", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'closed') = (opens_minute IS NULL)", name=op.f("ck_calendar_exception_hours")
        ),
        sa.CheckConstraint("kind IN ('closed', 'hours')", name=op.f("ck_calendar_exception_kind")),
        sa.CheckConstraint(
            "source IN ('library', 'manual', 'ical')", name=op.f("ck_calendar_exception_source")
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["business_calendar.id"],
            name=op.f("fk_calendar_exception_calendar_id_business_calendar"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_exception")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("calendar_exception", schema=None) as batch_op:
        batch_op.create_index("ix_calendar_exception_calendar_id_date", ["calendar_id", "date"], unique=False)

    op.create_table(
        "request_type",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("name", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("help", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("retention", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "retention IN ('ticket_support', 'trade_letter', 'receipt')",
            name=op.f("ck_request_type_retention"),
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["team.id"], name=op.f("fk_request_type_team_id_team"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_type")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("request_type", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_type_team_id"), ["team_id"], unique=False)

    op.create_table(
        "sla_policy",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("conditions", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["business_calendar.id"],
            name=op.f("fk_sla_policy_calendar_id_business_calendar"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policy")),
        sa.UniqueConstraint("name", name=op.f("uq_sla_policy_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sla_policy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_policy_calendar_id"), ["calendar_id"], unique=False)

    op.create_table(
        "sla_policy_version",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("pause_on", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("on_reopen", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "on_reopen IN ('resume', 'restart')", name=op.f("ck_sla_policy_version_on_reopen")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["person.id"],
            name=op.f("fk_sla_policy_version_author_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["sla_policy.id"],
            name=op.f("fk_sla_policy_version_policy_id_sla_policy"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_policy_version")),
        sa.UniqueConstraint("policy_id", "number", name=op.f("uq_sla_policy_version_policy_id_number")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sla_policy_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_policy_version_author_id"), ["author_id"], unique=False)

    op.create_table(
        "solved_without",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["article.id"],
            name=op.f("fk_solved_without_article_id_article"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solved_without")),
        sa.UniqueConstraint(
            "on_day", "article_id", "lang", name=op.f("uq_solved_without_on_day_article_id_lang")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("solved_without", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_solved_without_article_id"), ["article_id"], unique=False)

    op.create_table(
        "sla_escalation_step",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("policy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("offset_minutes", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "action IN ('notify', 'assign', 'priority', 'mail')", name=op.f("ck_sla_escalation_step_action")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_version.id"],
            name=op.f("fk_sla_escalation_step_policy_version_id_sla_policy_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_escalation_step")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sla_escalation_step", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sla_escalation_step_policy_version_id"), ["policy_version_id"], unique=False
        )

    op.create_table(
        "sla_target",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("policy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("target_minutes", sa.BigInteger(), nullable=False),
        sa.Column("warn_minutes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("target_minutes > 0", name=op.f("ck_sla_target_target_minutes")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_version.id"],
            name=op.f("fk_sla_target_policy_version_id_sla_policy_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_target")),
        sa.UniqueConstraint(
            "policy_version_id",
            "priority",
            "metric",
            name=op.f("uq_sla_target_policy_version_id_priority_metric"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "ticket",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requester_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("request_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("assignee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("disposal", sa.Text(), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("retention", sa.Text(), nullable=True),
        sa.Column("privacy_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("proved_at", sa.BigInteger(), nullable=True),
        sa.Column("last_activity_at", sa.BigInteger(), nullable=False),
        sa.Column("last_author_kind", sa.Text(), nullable=False),
        sa.Column("solved_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("restricted_at", sa.BigInteger(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("queue_key", sa.BigInteger(), nullable=False),
        sa.Column("next_due_at", sa.BigInteger(), nullable=True),
        sa.Column("next_breach_at", sa.BigInteger(), nullable=True),
        sa.Column("next_warning_at", sa.BigInteger(), nullable=True),
        sa.Column("at_risk_at", sa.BigInteger(), nullable=True),
        sa.Column("next_metric", sa.Text(), nullable=True),
        sa.Column("sla_state", sa.Text(), nullable=True),
        sa.Column("policy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("calendar_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("calendar_version", sa.BigInteger(), nullable=True),
        sa.Column("engine_version", sa.BigInteger(), nullable=True),
        sa.Column("send_key", sa.Text(), nullable=False),
        sa.CheckConstraint("disposal IN ('merged', 'spam', 'deleted')", name=op.f("ck_ticket_disposal")),
        sa.CheckConstraint(
            "priority IN ('low', 'normal', 'high', 'urgent')", name=op.f("ck_ticket_priority")
        ),
        sa.CheckConstraint(
            "status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')",
            name=op.f("ck_ticket_status"),
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["person.id"], name=op.f("fk_ticket_assignee_id_person"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["business_calendar.id"],
            name=op.f("fk_ticket_calendar_id_business_calendar"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"],
            ["ticket.id"],
            name=op.f("fk_ticket_merged_into_id_ticket"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ticket_organisation_id_organisation"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_version.id"],
            name=op.f("fk_ticket_policy_version_id_sla_policy_version"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["request_type_id"],
            ["request_type.id"],
            name=op.f("fk_ticket_request_type_id_request_type"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["person.id"], name=op.f("fk_ticket_requester_id_person"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["team.id"], name=op.f("fk_ticket_team_id_team"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("public_id", name=op.f("uq_ticket_public_id")),
        sa.UniqueConstraint("send_key", name=op.f("uq_ticket_send_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ticket_assignee_id_is_open_queue_key_id",
            ["assignee_id", "is_open", "queue_key", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_ticket_calendar_id"), ["calendar_id"], unique=False)
        batch_op.create_index(
            "ix_ticket_is_open_last_activity_at_id", ["is_open", "last_activity_at", "id"], unique=False
        )
        batch_op.create_index("ix_ticket_is_open_queue_key_id", ["is_open", "queue_key", "id"], unique=False)
        batch_op.create_index(
            "ix_ticket_is_open_snoozed_until_id", ["is_open", "snoozed_until", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ticket_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_index("ix_ticket_next_breach_at", ["next_breach_at"], unique=False)
        batch_op.create_index("ix_ticket_next_warning_at", ["next_warning_at"], unique=False)
        batch_op.create_index(
            "ix_ticket_organisation_id_last_activity_at_id",
            ["organisation_id", "last_activity_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_ticket_policy_version_id"), ["policy_version_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_request_type_id"), ["request_type_id"], unique=False)
        batch_op.create_index(
            "ix_ticket_requester_id_last_activity_at_id",
            ["requester_id", "last_activity_at", "id"],
            unique=False,
        )
        batch_op.create_index("ix_ticket_status_status_at_id", ["status", "status_at", "id"], unique=False)
        batch_op.create_index(
            "ix_ticket_team_id_is_open_queue_key_id", ["team_id", "is_open", "queue_key", "id"], unique=False
        )

    op.create_table(
        "message",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("auto", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_kind", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("send_key", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "author_kind IN ('customer', 'participant', 'agent', 'system')",
            name=op.f("ck_message_author_kind"),
        ),
        sa.CheckConstraint("body_kind IN ('markdown', 'plain')", name=op.f("ck_message_body_kind")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_message_author_id_person"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_message_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("public_id", name=op.f("uq_message_public_id")),
        sa.UniqueConstraint("send_key", name=op.f("uq_message_send_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_author_id"), ["author_id"], unique=False)
        batch_op.create_index("ix_message_ticket_id_id", ["ticket_id", "id"], unique=False)

    op.create_table(
        "sla_breach",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("breached_at", sa.BigInteger(), nullable=False),
        sa.Column("detected_at", sa.BigInteger(), nullable=False),
        sa.Column("fulfilled_at", sa.BigInteger(), nullable=True),
        sa.Column("overdue_seconds", sa.BigInteger(), nullable=True),
        sa.Column("assignee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("policy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("calendar_version", sa.BigInteger(), nullable=True),
        sa.Column("superseded_at", sa.BigInteger(), nullable=True),
        sa.Column("superseded_reason", sa.Text(), nullable=True),
        sa.Column("excused_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("excused_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["person.id"], name=op.f("fk_sla_breach_assignee_id_person"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["excused_by_id"],
            ["person.id"],
            name=op.f("fk_sla_breach_excused_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_version.id"],
            name=op.f("fk_sla_breach_policy_version_id_sla_policy_version"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["team.id"], name=op.f("fk_sla_breach_team_id_team"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_sla_breach_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_breach")),
        sa.UniqueConstraint(
            "ticket_id",
            "metric",
            "run_no",
            "due_at",
            name=op.f("uq_sla_breach_ticket_id_metric_run_no_due_at"),
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sla_breach", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sla_breach_assignee_id"), ["assignee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sla_breach_excused_by_id"), ["excused_by_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sla_breach_policy_version_id"), ["policy_version_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sla_breach_team_id"), ["team_id"], unique=False)

    op.create_table(
        "sla_clock",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("warn_at", sa.BigInteger(), nullable=True),
        sa.Column("fulfilled_at", sa.BigInteger(), nullable=True),
        sa.Column("fulfilled_by_event_id", sa.BigInteger(), nullable=True),
        sa.Column("breached_at", sa.BigInteger(), nullable=True),
        sa.Column("target_minutes", sa.BigInteger(), nullable=True),
        sa.Column("elapsed_seconds", sa.BigInteger(), nullable=False),
        sa.Column("paused_seconds", sa.BigInteger(), nullable=False),
        sa.Column("remaining_seconds", sa.BigInteger(), nullable=True),
        sa.Column("policy_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["sla_policy_version.id"],
            name=op.f("fk_sla_clock_policy_version_id_sla_policy_version"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_sla_clock_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_clock")),
        sa.UniqueConstraint(
            "ticket_id", "metric", "run_no", name=op.f("uq_sla_clock_ticket_id_metric_run_no")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.create_index("ix_sla_clock_due_at", ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sla_clock_policy_version_id"), ["policy_version_id"], unique=False
        )
        batch_op.create_index("ix_sla_clock_warn_at", ["warn_at"], unique=False)

    op.create_table(
        "sla_fired",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_sla_fired_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_fired")),
        sa.UniqueConstraint(
            "ticket_id",
            "metric",
            "run_no",
            "step",
            "due_at",
            name=op.f("uq_sla_fired_ticket_id_metric_run_no_step_due_at"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "staff_access",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attachment_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_staff_access_person_id_person"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_staff_access_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_access")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("staff_access", schema=None) as batch_op:
        batch_op.create_index("ix_staff_access_person_id_id", ["person_id", "id"], unique=False)
        batch_op.create_index("ix_staff_access_ticket_id_id", ["ticket_id", "id"], unique=False)

    op.create_table(
        "ticket_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("is_requester", sa.Boolean(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("auto", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["person.id"], name=op.f("fk_ticket_event_actor_id_person"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_event_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ticket_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_event_actor_id"), ["actor_id"], unique=False)
        batch_op.create_index(
            "ix_ticket_event_ticket_id_occurred_at_id", ["ticket_id", "occurred_at", "id"], unique=False
        )

    op.create_table(
        "ticket_link",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_ticket_link_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_link_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_link")),
        sa.UniqueConstraint("ticket_id", "person_id", name=op.f("uq_ticket_link_ticket_id_person_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_ticket_link_token_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ticket_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_link_person_id"), ["person_id"], unique=False)

    op.create_table(
        "ticket_tag",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_tag_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_tag")),
        sa.UniqueConstraint("ticket_id", "tag", name=op.f("uq_ticket_tag_ticket_id_tag")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("ticket_tag", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_tag_tag", ["tag"], unique=False)

    op.create_table(
        "attachment",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_attachment_message_id_message"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_attachment_ticket_id_ticket"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_attachment_storage_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index("ix_attachment_message_id", ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attachment_ticket_id"), ["ticket_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachment_ticket_id"))
        batch_op.drop_index("ix_attachment_message_id")

    op.drop_table("attachment")
    with op.batch_alter_table("ticket_tag", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_tag_tag")

    op.drop_table("ticket_tag")
    with op.batch_alter_table("ticket_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ticket_link_person_id"))

    op.drop_table("ticket_link")
    with op.batch_alter_table("ticket_event", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_event_ticket_id_occurred_at_id")
        batch_op.drop_index(batch_op.f("ix_ticket_event_actor_id"))

    op.drop_table("ticket_event")
    with op.batch_alter_table("staff_access", schema=None) as batch_op:
        batch_op.drop_index("ix_staff_access_ticket_id_id")
        batch_op.drop_index("ix_staff_access_person_id_id")

    op.drop_table("staff_access")
    op.drop_table("sla_fired")
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.drop_index("ix_sla_clock_warn_at")
        batch_op.drop_index(batch_op.f("ix_sla_clock_policy_version_id"))
        batch_op.drop_index("ix_sla_clock_due_at")

    op.drop_table("sla_clock")
    with op.batch_alter_table("sla_breach", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_breach_team_id"))
        batch_op.drop_index(batch_op.f("ix_sla_breach_policy_version_id"))
        batch_op.drop_index(batch_op.f("ix_sla_breach_excused_by_id"))
        batch_op.drop_index(batch_op.f("ix_sla_breach_assignee_id"))

    op.drop_table("sla_breach")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_ticket_id_id")
        batch_op.drop_index(batch_op.f("ix_message_author_id"))

    op.drop_table("message")
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index("ix_ticket_team_id_is_open_queue_key_id")
        batch_op.drop_index("ix_ticket_status_status_at_id")
        batch_op.drop_index("ix_ticket_requester_id_last_activity_at_id")
        batch_op.drop_index(batch_op.f("ix_ticket_request_type_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_policy_version_id"))
        batch_op.drop_index("ix_ticket_organisation_id_last_activity_at_id")
        batch_op.drop_index("ix_ticket_next_warning_at")
        batch_op.drop_index("ix_ticket_next_breach_at")
        batch_op.drop_index(batch_op.f("ix_ticket_merged_into_id"))
        batch_op.drop_index("ix_ticket_is_open_snoozed_until_id")
        batch_op.drop_index("ix_ticket_is_open_queue_key_id")
        batch_op.drop_index("ix_ticket_is_open_last_activity_at_id")
        batch_op.drop_index(batch_op.f("ix_ticket_calendar_id"))
        batch_op.drop_index("ix_ticket_assignee_id_is_open_queue_key_id")

    op.drop_table("ticket")
    op.drop_table("sla_target")
    with op.batch_alter_table("sla_escalation_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_escalation_step_policy_version_id"))

    op.drop_table("sla_escalation_step")
    with op.batch_alter_table("solved_without", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_solved_without_article_id"))

    op.drop_table("solved_without")
    with op.batch_alter_table("sla_policy_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_policy_version_author_id"))

    op.drop_table("sla_policy_version")
    with op.batch_alter_table("sla_policy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_policy_calendar_id"))

    op.drop_table("sla_policy")
    with op.batch_alter_table("request_type", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_request_type_team_id"))

    op.drop_table("request_type")
    with op.batch_alter_table("calendar_exception", schema=None) as batch_op:
        batch_op.drop_index("ix_calendar_exception_calendar_id_date")

    op.drop_table("calendar_exception")
    with op.batch_alter_table("business_hours", schema=None) as batch_op:
        batch_op.drop_index("ix_business_hours_calendar_id_valid_from")

    op.drop_table("business_hours")
    op.drop_table("business_calendar")
