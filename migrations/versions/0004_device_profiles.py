"""How devices are set up: profiles by model, secrets by unit, and the frames that staff may see."""

from migrations.sql import run_beside

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, the view and the function."""
    run_beside(__file__)


def downgrade() -> None:
    """Refuse: what was kept here is not thrown away by a command."""
    raise RuntimeError("refused: going back would lose data; restore a backup instead")
