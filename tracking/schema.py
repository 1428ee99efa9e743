"""Whether the database's tables are those that this code was written for."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tracking.settings import PROJECT


def wanted_revision() -> str:
    """The newest migration in ``migrations/``."""
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def migrate() -> None:
    """Run every migration that the owner's database has not seen (it names its own address)."""
    command.upgrade(_alembic(), "head")


def _alembic() -> Config:
    config = Config(PROJECT / "alembic.ini")
    config.set_main_option("script_location", str(PROJECT / "migrations"))
    return config
