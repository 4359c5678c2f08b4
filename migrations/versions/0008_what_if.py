"""What-if: trial replays of draft promises, with their results"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.create_table(
        "what_if_run",
        sa.Column("id", key, autoincrement=True, nullable=False),
        sa.Column("author_id", key, nullable=False),
        sa.Column("policy_id", key, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("draft", json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("result", json, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_what_if_run_state"),
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["person.id"], name=op.f("fk_what_if_run_author_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["sla_policy.id"],
            name=op.f("fk_what_if_run_policy_id_sla_policy"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_what_if_run")),
        sa.UniqueConstraint("author_id", name=op.f("uq_what_if_run_author_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("what_if_run", schema=None) as batch_op:
        batch_op.create_index("ix_what_if_run_created_at", ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_what_if_run_policy_id"), ["policy_id"], unique=False)


def downgrade() -> None:
    op.drop_table("what_if_run")
