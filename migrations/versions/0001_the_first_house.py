"""The first house: people, fleet, positions, alarms."""

from migrations.sql import run_beside

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    run_beside(__file__)


def downgrade() -> None:
    """Refuse: what was kept here is not thrown away by a command."""
    raise RuntimeError("refused: going back would lose data; restore a backup instead")
