"""Data protection"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure_record",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_record")),
        sa.UniqueConstraint("number", name=op.f("uq_erasure_record_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "blackout",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("places", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["person.id"], name=op.f("fk_blackout_actor_id_person"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blackout")),
        sa.UniqueConstraint("public_id", name=op.f("uq_blackout_public_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("blackout", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_blackout_actor_id"), ["actor_id"], unique=False)

    op.create_table(
        "privacy_request",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("certificate_key", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_key", sa.Text(), nullable=False),
        sa.Column("started_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("plan_digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("extended_reason", sa.Text(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("progress_done", sa.BigInteger(), nullable=False),
        sa.Column("progress_total", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("letter_job_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_email", sa.Text(), nullable=True),
        sa.Column("subject_name", sa.Text(), nullable=True),
        sa.Column("subject_lang", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('erasure', 'export', 'access', 'rectification', 'restriction', 'objection')",
            name=op.f("ck_privacy_request_kind"),
        ),
        sa.CheckConstraint(
            "scope IN ('person', 'ticket', 'message', 'file')", name=op.f("ck_privacy_request_scope")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'grace', 'running', 'failed', 'held', 'done', 'withdrawn', 'refused')",
            name=op.f("ck_privacy_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_privacy_request_person_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["started_by_id"],
            ["person.id"],
            name=op.f("fk_privacy_request_started_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_request")),
        sa.UniqueConstraint("certificate_key", name=op.f("uq_privacy_request_certificate_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_privacy_request_public_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("privacy_request", schema=None) as batch_op:
        batch_op.create_index(
            "ix_privacy_request_person_id_kind_id", ["person_id", "kind", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_privacy_request_started_by_id"), ["started_by_id"], unique=False)
        batch_op.create_index("ix_privacy_request_state_due_at_id", ["state", "due_at", "id"], unique=False)

    op.create_table(
        "retained_identity",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_retained_identity_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retained_identity")),
        sa.UniqueConstraint("person_id", name=op.f("uq_retained_identity_person_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "certificate",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.Text(), nullable=False),
        sa.Column("ledger_number", sa.BigInteger(), nullable=False),
        sa.Column("ledger_digest", sa.Text(), nullable=False),
        sa.Column("lines", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("steps", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("leftovers", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["privacy_request.id"],
            name=op.f("fk_certificate_request_id_privacy_request"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("public_id", name=op.f("uq_certificate_public_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_certificate_request_id"), ["request_id"], unique=False)

    op.create_table(
        "privacy_job_step",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'failed', 'done')", name=op.f("ck_privacy_job_step_state")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["privacy_request.id"],
            name=op.f("fk_privacy_job_step_request_id_privacy_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_job_step")),
        sa.UniqueConstraint("request_id", "name", name=op.f("uq_privacy_job_step_request_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "legal_hold",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("proposed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("released_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "ground IN ('legal_case', 'dispute', 'claim', 'authority')", name=op.f("ck_legal_hold_ground")
        ),
        sa.CheckConstraint("(person_id IS NULL) <> (ticket_id IS NULL)", name=op.f("ck_legal_hold_one_of")),
        sa.CheckConstraint(
            "confirmed_by_id IS NULL OR confirmed_by_id <> proposed_by_id",
            name=op.f("ck_legal_hold_two_admins"),
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"],
            ["person.id"],
            name=op.f("fk_legal_hold_confirmed_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_legal_hold_person_id_person"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_id"],
            ["person.id"],
            name=op.f("fk_legal_hold_proposed_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"],
            ["person.id"],
            name=op.f("fk_legal_hold_released_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_legal_hold_ticket_id_ticket"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
        sa.UniqueConstraint("public_id", name=op.f("uq_legal_hold_public_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_legal_hold_confirmed_by_id"), ["confirmed_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_legal_hold_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_legal_hold_proposed_by_id"), ["proposed_by_id"], unique=False)
        batch_op.create_index(
            "ix_legal_hold_released_at_review_on", ["released_at", "review_on", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_legal_hold_released_by_id"), ["released_by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_legal_hold_ticket_id"), ["ticket_id"], unique=False)

    op.add_column("person", sa.Column("erasing_at", sa.BigInteger(), nullable=True))
    op.add_column("person", sa.Column("erased_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("erased_at")
        batch_op.drop_column("erasing_at")

    with op.batch_alter_table("legal_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_legal_hold_ticket_id"))
        batch_op.drop_index(batch_op.f("ix_legal_hold_released_by_id"))
        batch_op.drop_index("ix_legal_hold_released_at_review_on")
        batch_op.drop_index(batch_op.f("ix_legal_hold_proposed_by_id"))
        batch_op.drop_index(batch_op.f("ix_legal_hold_person_id"))
        batch_op.drop_index(batch_op.f("ix_legal_hold_confirmed_by_id"))

    op.drop_table("legal_hold")
    op.drop_table("privacy_job_step")
    with op.batch_alter_table("certificate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificate_request_id"))

    op.drop_table("certificate")
    op.drop_table("retained_identity")
    with op.batch_alter_table("privacy_request", schema=None) as batch_op:
        batch_op.drop_index("ix_privacy_request_state_due_at_id")
        batch_op.drop_index(batch_op.f("ix_privacy_request_started_by_id"))
        batch_op.drop_index("ix_privacy_request_person_id_kind_id")

    op.drop_table("privacy_request")
    with op.batch_alter_table("blackout", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_blackout_actor_id"))

    op.drop_table("blackout")
    op.drop_table("erasure_record")
