"""Who may see what: roles and row-level security."""

from migrations.sql import run_beside

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the roles and their policies."""
    run_beside(__file__)


def downgrade() -> None:
    """Refuse: what was kept here is not thrown away by a command."""
    raise RuntimeError("refused: going back would lose data; restore a backup instead")
