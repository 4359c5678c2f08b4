"""Clocks lose the indexes of their instants: what is due next stands on the ticket, and every write paid for them"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.drop_index("ix_sla_clock_due_at")
        batch_op.drop_index("ix_sla_clock_warn_at")


def downgrade() -> None:
    with op.batch_alter_table("sla_clock", schema=None) as batch_op:
        batch_op.create_index("ix_sla_clock_due_at", ["due_at"], unique=False)
        batch_op.create_index("ix_sla_clock_warn_at", ["warn_at"], unique=False)
