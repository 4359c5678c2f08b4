"""The desk counts its views from an index: open tickets with all that decides where they are listed"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_ticket_is_open_queue_key_id", table_name="ticket")
    op.drop_index("ix_ticket_is_open_at_risk_at", table_name="ticket")
    op.create_index(
        "ix_ticket_of_the_desk",
        "ticket",
        [
            *("is_open", "queue_key", "id", "disposal", "restricted_at", "snoozed_until", "assignee_id"),
            *("team_id", "proved_at", "at_risk_at", "next_due_at"),
        ],
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index(
        "ix_ticket_is_open_at_risk_at_next_due_at", "ticket", ["is_open", "at_risk_at", "next_due_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_is_open_at_risk_at_next_due_at", table_name="ticket")
    op.drop_index("ix_ticket_of_the_desk", table_name="ticket")
    op.create_index("ix_ticket_is_open_at_risk_at", "ticket", ["is_open", "at_risk_at"])
    op.create_index("ix_ticket_is_open_queue_key_id", "ticket", ["is_open", "queue_key", "id"])
