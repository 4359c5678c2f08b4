"""Promises on record: what the sweep and the reports keep"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = {"schema": None, "table_kwargs": {"sqlite_autoincrement": True}}  # where SQLite builds a table anew


def upgrade() -> None:
    keep_terms()
    keep_steps()
    keep_reviews()
    keep_calendars()
    keep_usual_waits()
    op.create_index("ix_ticket_is_open_at_risk_at", "ticket", ["is_open", "at_risk_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_ticket_is_open_at_risk_at", table_name="ticket")
    op.drop_table("usual_wait")
    op.drop_table("calendar_version")
    with op.batch_alter_table("business_calendar", **KEPT) as batch_op:
        batch_op.drop_column("reviewed_years")
    with op.batch_alter_table("sla_escalation_step", **KEPT) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_escalation_step_person_id"))
        batch_op.drop_constraint(batch_op.f("fk_sla_escalation_step_person_id_person"), type_="foreignkey")
        batch_op.drop_column("person_id")
        batch_op.drop_column("working_hours")
    with op.batch_alter_table("sla_policy_version", **KEPT) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sla_policy_version_calendar_id"))
        batch_op.drop_constraint(
            batch_op.f("fk_sla_policy_version_calendar_id_business_calendar"), type_="foreignkey"
        )
        for name in ("calendar_id", "conditions", "name"):
            batch_op.drop_column(name)


def keep_terms() -> None:
    """A version holds the whole of its terms; earlier ones get those of their policy."""
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    with op.batch_alter_table("sla_policy_version", **KEPT) as batch_op:
        batch_op.add_column(sa.Column("name", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("conditions", json, nullable=True))
        batch_op.add_column(sa.Column("calendar_id", KEY, nullable=True))
    for name in ("name", "conditions", "calendar_id"):
        op.execute(
            f"UPDATE sla_policy_version SET {name} = (SELECT sla_policy.{name} FROM sla_policy"
            " WHERE sla_policy.id = sla_policy_version.policy_id)"
        )
    with op.batch_alter_table("sla_policy_version", **KEPT) as batch_op:
        batch_op.alter_column("name", existing_type=sa.Text(), nullable=False)
        batch_op.alter_column("conditions", existing_type=json, nullable=False)
        batch_op.alter_column("calendar_id", existing_type=KEY, nullable=False)
        batch_op.create_index(batch_op.f("ix_sla_policy_version_calendar_id"), ["calendar_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_sla_policy_version_calendar_id_business_calendar"),
            "business_calendar",
            ["calendar_id"],
            ["id"],
            ondelete="RESTRICT",
        )


def keep_steps() -> None:
    """Steps name a person by her row; nobody could enter one before."""
    with op.batch_alter_table("sla_escalation_step", **KEPT) as batch_op:
        batch_op.add_column(sa.Column("person_id", KEY, nullable=True))
        batch_op.add_column(sa.Column("working_hours", sa.Boolean(), nullable=True))
    op.execute(sa.text("UPDATE sla_escalation_step SET working_hours = :no").bindparams(no=False))
    with op.batch_alter_table("sla_escalation_step", **KEPT) as batch_op:
        batch_op.alter_column("working_hours", existing_type=sa.Boolean(), nullable=False)
        batch_op.create_index(batch_op.f("ix_sla_escalation_step_person_id"), ["person_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_sla_escalation_step_person_id_person"),
            "person",
            ["person_id"],
            ["id"],
            ondelete="SET NULL",
        )


def keep_reviews() -> None:
    """A calendar remembers which years a person looked through; so far accepted holidays are the only sign."""
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    with op.batch_alter_table("business_calendar", **KEPT) as batch_op:
        batch_op.add_column(sa.Column("reviewed_years", json, nullable=True))
    row = sa.table("business_calendar", sa.column("id"), sa.column("reviewed_years", json))
    day = sa.table(
        "calendar_exception",
        sa.column("calendar_id"),
        sa.column("date", sa.Date()),
        sa.column("source"),
        sa.column("active", sa.Boolean()),
    )
    accepted = sa.select(day.c.calendar_id, day.c.date).where(day.c.source == "library", day.c.active)
    years: dict[int, set[int]] = defaultdict(set)
    for calendar_id, found in op.get_bind().execute(accepted):
        years[calendar_id].add(found.year)
    op.execute(row.update().values(reviewed_years=[]))
    for calendar_id, found in years.items():
        op.execute(row.update().where(row.c.id == calendar_id).values(reviewed_years=sorted(found)))
    with op.batch_alter_table("business_calendar", **KEPT) as batch_op:
        batch_op.alter_column("reviewed_years", existing_type=json, nullable=False)


def keep_calendars() -> None:
    """What a calendar was before it is changed; it begins with the next change."""
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.create_table(
        "calendar_version",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("calendar_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("spec", json, nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["business_calendar.id"],
            name=op.f("fk_calendar_version_calendar_id_business_calendar"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_version")),
        sa.UniqueConstraint("calendar_id", "number", name=op.f("uq_calendar_version_calendar_id_number")),
        sqlite_autoincrement=True,
    )


def keep_usual_waits() -> None:
    """How long half of the like requests waited; counted anew every day."""
    op.create_table(
        "usual_wait",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_type_id"],
            ["request_type.id"],
            name=op.f("fk_usual_wait_request_type_id_request_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usual_wait")),
        sa.UniqueConstraint(
            "request_type_id", "priority", name=op.f("uq_usual_wait_request_type_id_priority")
        ),
        sqlite_autoincrement=True,
    )
