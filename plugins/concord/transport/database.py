"""Rows from an agency's database: one snapshot, one query a table, one part each."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from concord.exceptions import DataError
from concord.transport.base import (
    Connection,
    Drop,
    Fetched,
    Part,
    Sink,
    StoredPart,
)
from concord.transport.database_query import (
    Bound,
    TableWindow,
    is_bound,
    json_line,
    read_bounds,
    write_bounds,
)
from concord.transport.problems import failed, held
from concord.transport.specs import DatabaseSpec
from concord.transport.streams import CheckedStream

ROWS_AT_ONCE = 1000
SNAPSHOT = ("REPEATABLE READ", "SERIALIZABLE")  # the weakest that shows one moment
CONNECT_TIMEOUT = {
    "postgresql": "connect_timeout",
    "mysql": "connect_timeout",
    "mssql": "timeout",
    "sqlite": "timeout",
}
LOGIN, RIGHTS, NAMES = ("28",), ("42501",), ("42P01", "42703", "3F000", "3D000")


class DatabaseTransport:
    """Fetches tables, or what changed in them, through SQLAlchemy.

    The cursor holds, for each table with a window, how far the window reached.
    """

    def __init__(self, feed: str, spec: DatabaseSpec, connection: Connection) -> None:
        self._feed = feed
        self._spec = spec
        self._connection = connection

    def offered(self, cursor: str | None, night: date) -> tuple[Drop, ...]:
        """Offer the night: a database has one state, which is now."""
        url = self._url()
        source = sa.URL.create(
            url.drivername, host=url.host, port=url.port, database=url.database
        )
        return (Drop(night, source.render_as_string(), cursor or ""),)

    def fetch(self, drop: Drop, sink: Sink) -> Fetched:
        """Bring every table into the sink, all as of one moment."""
        reached = read_bounds(drop.cursor)
        parts: list[StoredPart] = []
        rows: dict[str, int] = {}
        left = self._spec.max_bytes
        with self._visit() as visit:
            for name, table in self._spec.tables.items():
                query = TableWindow(name, table, reached.get(name))
                count, bound = visit.measure(query)
                part = Part(f"{name}/00001.ndjson", name, "rows", count)
                stored = visit.rows(query, count, left).into(sink, part)
                parts.append(stored)
                rows[name], left = count, left - stored.bytes
                if bound is not None:
                    reached[name] = bound
        return Fetched(tuple(parts), rows, write_bounds(reached), drop.source)

    def _url(self) -> sa.URL:
        """Return the address of the database, with the connection's login."""
        given = self._connection
        try:
            url = sa.make_url(str(given.extra.get("url") or ""))
        except ArgumentError:
            url = None
        if url is None:
            detail = "the connection's extra.url is no SQLAlchemy address"
            raise failed("UNREACHABLE", self._feed, detail)
        if given.login:
            url = url.set(username=given.login, password=given.password)
        return url

    @contextmanager
    def _visit(self) -> Iterator["_Visit"]:
        """Open a read-only snapshot that cannot outlive the deadline."""
        url = self._url()
        visit = _Visit(self._feed)
        connection = visit.ask(lambda: self._connect(url), "no connection")
        watchdog = threading.Timer(self._spec.deadline_seconds, visit.expire)
        watchdog.daemon = True
        try:
            visit.begin(connection)
            watchdog.start()
            yield visit
        finally:
            watchdog.cancel()
            connection.invalidate()
            connection.close()

    def _connect(self, url: sa.URL) -> sa.Connection:
        """Connect once."""
        name = CONNECT_TIMEOUT.get(url.get_backend_name())
        limits = {name: max(1, int(self._spec.timeout_seconds))} if name else {}
        engine = sa.create_engine(
            url, connect_args=limits, poolclass=sa.NullPool, hide_parameters=True
        )
        return engine.connect()


class _Visit:
    """One connection, with every failure of it put into our words."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._connection: sa.Connection | None = None
        self._expired = False

    def begin(self, connection: sa.Connection) -> None:
        """Take a snapshot in which all tables are seen as of one moment."""
        driver: Any = connection.connection.dbapi_connection
        offered = connection.dialect.get_isolation_level_values(driver)
        level = next((level for level in SNAPSHOT if level in offered), None)
        options: dict[str, Any] = {"isolation_level": level} if level else {}
        if connection.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
        self._connection = self.ask(
            lambda: connection.execution_options(**options), "no snapshot"
        )

    def expire(self) -> None:
        """Stop the running query: drivers offer one of these to another thread."""
        self._expired = True
        assert self._connection is not None
        driver = self._connection.connection.driver_connection
        for name in ("cancel", "interrupt", "close"):
            if stop := getattr(driver, name, None):
                stop()
                return

    def measure(self, query: TableWindow) -> tuple[int, Bound | None]:
        """Count a table's rows and find how far its window reaches."""
        result = self._execute(query.bounds(), query.name)
        count, bound = self.ask(result.one, query.name)
        if bound is not None and not is_bound(bound):
            detail = f"table {query.name}: changedBy is neither a time nor a number"
            raise failed("PROTOCOL", self._feed, detail)
        return count, bound

    def rows(self, query: TableWindow, count: int, limit: int) -> CheckedStream:
        """Return a table's rows as NDJSON, a few at a time from the server."""
        result = self._execute(query.rows(), query.name)
        batches = result.partitions(ROWS_AT_ONCE)
        waiting, read = memoryview(b""), 0

        def read_some(wanted: int) -> bytes:
            nonlocal waiting, read
            if not waiting:
                batch: Sequence[sa.Row[Any]] = self.ask(
                    lambda: next(batches, ()), query.name
                )
                read += len(batch)
                if not batch and read != count:
                    detail = f"table {query.name}: the number of rows differs"
                    raise held(
                        "COUNT_MISMATCH", self._feed, detail, expected=count, found=read
                    )
                waiting = memoryview(self._lines(query, batch))
            piece, waiting = waiting[:wanted], waiting[wanted:]
            return bytes(piece)

        detail = f"table {query.name}: more bytes than maxBytes in all"
        return CheckedStream(
            read_some,
            limit=limit,
            too_large=lambda: failed("TOO_LARGE", self._feed, detail),
        )

    def _lines(self, query: TableWindow, batch: Sequence[sa.Row[Any]]) -> bytes:
        """Write rows as lines of JSON."""
        try:
            return b"".join(json_line(query.columns, row) for row in batch)
        except (TypeError, ValueError):
            pass  # raised below, where no value of a row hangs on to it
        detail = f"table {query.name}: a value is no text, number, time or JSON"
        raise failed("PROTOCOL", self._feed, detail)

    def _execute(self, query: sa.Select[Any], what: str) -> sa.Result[Any]:
        connection = self._connection
        assert connection is not None
        streamed = query.execution_options(yield_per=ROWS_AT_ONCE)
        result: sa.Result[Any] = self.ask(lambda: connection.execute(streamed), what)
        return result

    def ask(self, call: Callable[[], Any], what: str) -> Any:
        """Call SQLAlchemy, naming a failure without the database's own words."""
        try:
            return call()
        except (SQLAlchemyError, ImportError) as error:
            problem = self._problem(error, what)
        raise problem

    def _problem(self, error: Exception, what: str) -> DataError:
        """Name a database's failure by its SQLSTATE, which holds no value."""
        feed, kind = self._feed, type(error).__name__
        original = getattr(error, "orig", None)
        state = str(
            getattr(original, "sqlstate", None) or getattr(original, "pgcode", "") or ""
        )
        if self._expired:
            return failed("DEADLINE", feed, f"{what}: the total deadline passed")
        if state.startswith(LOGIN) or _says(original, "password authentication failed"):
            return failed("LOGIN_REFUSED", feed, "the database refused the login")
        if state.startswith(RIGHTS):
            return failed("FORBIDDEN", feed, f"{what} may not be read")
        if state.startswith(NAMES):
            return failed("NOT_FOUND", feed, f"{what} or a column of it does not exist")
        if self._connection is None or isinstance(error, NoSuchModuleError):
            return failed("UNREACHABLE", feed, f"no database connection ({kind})")
        return failed("QUERY_FAILED", feed, f"{what}: {kind} {state}".rstrip())


def _says(error: object, words: str) -> bool:
    """Say whether a driver without SQLSTATE names its reason in these words."""
    return words in str(error)
