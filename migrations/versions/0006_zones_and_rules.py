"""Zones and rules: what people drew and set, what was noticed, and what time will bring."""

from migrations.sql import run_beside

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and who may see them."""
    run_beside(__file__)


def downgrade() -> None:
    """Refuse: what was kept here is not thrown away by a command."""
    raise RuntimeError("refused: going back would lose data; restore a backup instead")
