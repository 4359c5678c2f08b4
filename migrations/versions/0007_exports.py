"""Copies of a person's data, built for her"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _key(name: str = "id", **options: object) -> sa.Column:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), **options)


def upgrade() -> None:
    op.create_table(
        "data_export",
        _key(autoincrement=True, nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("file_key", sa.Text(), nullable=False),
        _key("request_id", nullable=False),
        _key("person_id", nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("held_back", sa.BigInteger(), nullable=False),
        sa.Column("downloads", sa.BigInteger(), nullable=False),
        sa.Column("downloaded_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('building', 'ready', 'removed')", name=op.f("ck_data_export_state")),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["privacy_request.id"],
            name=op.f("fk_data_export_request_id_privacy_request"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_data_export_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_export")),
        sa.UniqueConstraint("file_key", name=op.f("uq_data_export_file_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_data_export_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_data_export_person_id_id", "data_export", ["person_id", "id"])
    op.create_index("ix_data_export_state_expires_at", "data_export", ["state", "expires_at"])
    op.create_index(op.f("ix_data_export_request_id"), "data_export", ["request_id"])
    op.create_table(
        "note_decision",
        _key(autoincrement=True, nullable=False),
        _key("person_id", nullable=False),
        _key("message_id", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _key("decided_by_id", nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('released', 'withheld')", name=op.f("ck_note_decision_state")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_note_decision_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
            name=op.f("fk_note_decision_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"],
            ["person.id"],
            name=op.f("fk_note_decision_decided_by_id_person"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note_decision")),
        sa.UniqueConstraint("person_id", "message_id", name=op.f("uq_note_decision_person_id_message_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_note_decision_message_id"), "note_decision", ["message_id"])
    op.create_index(op.f("ix_note_decision_decided_by_id"), "note_decision", ["decided_by_id"])


def downgrade() -> None:
    op.drop_table("note_decision")
    op.drop_table("data_export")
