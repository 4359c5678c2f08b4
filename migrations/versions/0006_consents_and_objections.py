"""Consents, objections and corrections of a person"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _key(name: str = "id", **options: object) -> sa.Column:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), **options)


def _texts(name: str) -> sa.Column:
    return sa.Column(name, sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "consent_text",
        _key(autoincrement=True, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _texts("text"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        _key("author_id", nullable=True),
        sa.Column("shipped", sa.Boolean(), nullable=False),
        sa.CheckConstraint("purpose IN ('survey', 'news')", name=op.f("ck_consent_text_purpose")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_consent_text_author_id_person"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_text")),
        sa.UniqueConstraint("purpose", "version", name=op.f("uq_consent_text_purpose_version")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_consent_text_author_id"), "consent_text", ["author_id"])
    op.create_table(
        "consent",
        _key(autoincrement=True, nullable=False),
        _key("person_id", nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        _key("text_id", nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_through", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_through", sa.Text(), nullable=True),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("stop_hash", sa.Text(), nullable=True),
        sa.CheckConstraint("purpose IN ('survey', 'news')", name=op.f("ck_consent_purpose")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["text_id"],
            ["consent_text.id"],
            name=op.f("fk_consent_text_id_consent_text"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("stop_hash", name=op.f("uq_consent_stop_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consent_person_id_purpose_id", "consent", ["person_id", "purpose", "id"])
    op.create_index(op.f("ix_consent_text_id"), "consent", ["text_id"])
    op.create_index(op.f("ix_consent_withdrawn_at"), "consent", ["withdrawn_at"])
    op.create_table(
        "message_correction",
        _key(autoincrement=True, nullable=False),
        _key("message_id", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        _key("author_id", nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["person.id"],
            name=op.f("fk_message_correction_author_id_person"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
            name=op.f("fk_message_correction_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_correction")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_message_correction_author_id"), "message_correction", ["author_id"])
    op.create_index("ix_message_correction_message_id_id", "message_correction", ["message_id", "id"])
    op.create_table(
        "recipient",
        _key(autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sort_name", sa.Text(), nullable=False),
        _texts("purpose"),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("contract_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sqlite_autoincrement=True,
    )
    op.add_column("message", sa.Column("emptied", sa.Text(), nullable=True))
    op.add_column("privacy_request", sa.Column("former", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("emptied")
    with op.batch_alter_table("privacy_request", schema=None) as batch_op:
        batch_op.drop_column("former")
    op.drop_table("recipient")
    op.drop_table("message_correction")
    op.drop_table("consent")
    op.drop_table("consent_text")
