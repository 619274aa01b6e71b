"""The database behind the ledger: opened, set up and brought to the newest schema."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from concord.exceptions import IntegrityError

MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> sa.Engine:
    """Return an engine whose database has the newest schema.

    Raises:
        IntegrityError: The database is damaged.
    """
    engine = sa.create_engine(url, future=True)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
    try:
        _migrate(engine)
    except sa.exc.OperationalError:
        raise  # not there, busy or refused: the ledger itself may be whole
    except sa.exc.DatabaseError as error:
        raise IntegrityError(
            f"the ledger cannot be read ({type(error.orig).__name__}). Move it "
            "away and run `concord ledger rebuild`"
        ) from None
    return engine


def _migrate(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _configure_sqlite(connection: Any, _: Any) -> None:
    """Let several processes write in turn, and survive a power cut."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
