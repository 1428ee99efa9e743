"""A device that is out of use leaves its unit id to whoever registers the box next."""

from migrations.sql import run_beside

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the index and the function."""
    run_beside(__file__)


def downgrade() -> None:
    """Refuse: what was kept here is not thrown away by a command."""
    raise RuntimeError("refused: going back would lose data; restore a backup instead")
