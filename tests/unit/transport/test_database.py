"""Rows from an agency's database: SQLite always, PostgreSQL where it is installed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from concord.exceptions import DeliveryHeld, TransportError
from concord.transport import database
from concord.transport.base import Connection, Drop
from concord.transport.registry import open_transport, read_spec
from tests.support.landing import opened
from tests.support.small_county import NIGHTS, MemorySink

CANARY = "Zyxwvut"
NIGHT = NIGHTS[0]
NOBODY = 65534
QUIET = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PERSON = {"from": "person", "columns": ["person_id", "last_name", "score"]}
CHANGED = {**PERSON, "changedBy": "updated_at"}
COLUMNS = [
    sa.Column("person_id", sa.Integer, primary_key=True),
    sa.Column("last_name", sa.Text),
    sa.Column("score", sa.Numeric(6, 2)),
    sa.Column("born", sa.Date),
    sa.Column("updated_at", sa.DateTime),
]


def at(hour, minute=0):
    return datetime(2026, 1, 5, hour, minute)  # noqa: DTZ001 - as the agency keeps it


def row(number, hour=2, **changes):
    return {
        "person_id": number,
        "last_name": f'O"{CANARY}\n{number}',
        "score": 12.5,
        "born": date(1990, 4, 17),
        "updated_at": at(hour),
        **changes,
    }


class Agency:
    """An agency's database, and transports that read it."""

    def __init__(self, url: str, connection: Connection | None = None) -> None:
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.connection = connection or Connection("", extra={"url": url})
        meta = sa.MetaData()
        self.person = sa.Table("person", meta, *(c._copy() for c in COLUMNS))
        meta.create_all(self.engine)

    def add(self, *rows) -> None:
        with self.engine.begin() as connection:
            connection.execute(self.person.insert(), list(rows))

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def transport(self, tables=None, connection=None, **limits):
        spec = {"kind": "database", "tables": tables or {"person": PERSON}, **limits}
        checked = read_spec("police_rms", spec)
        return open_transport("police_rms", checked, connection or self.connection)

    def fetch(self, tables=None, cursor=None, **limits):
        transport, sink = self.transport(tables, **limits), MemorySink()
        (drop,) = transport.offered(cursor, NIGHT)
        return transport.fetch(drop, sink), sink

    def refused(self, kind=TransportError, tables=None, connection=None, **limits):
        """Return the error of a refused delivery, which names no value."""
        transport = self.transport(tables, connection, **limits)
        with pytest.raises(kind) as caught:
            transport.fetch(transport.offered(None, NIGHT)[0], MemorySink())
        assert CANARY not in str(caught.value)
        assert caught.value.__context__ is None
        return caught.value


@pytest.fixture(scope="session")
def postgres():
    """Start a PostgreSQL on a free port; it ends with the tests."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's initdb is not installed")
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed, and PostgreSQL refuses to run as root")
    with (
        tempfile.TemporaryDirectory(prefix="concord-postgres-") as name,
        started(found[-1].parent, Path(name)) as port,
    ):
        url = f"postgresql+psycopg://127.0.0.1:{port}/postgres"
        yield Connection("", login="concord", password="s3cret", extra={"url": url})


@contextmanager
def started(binaries: Path, folder: Path):
    """Run a server in a folder; gives its port."""
    as_user = []
    if os.geteuid() == 0:
        as_user = [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
        ]
    secret, data = folder / "password", folder / "data"
    secret.write_text("s3cret")
    for path in (folder, secret):
        os.chown(path, NOBODY if as_user else -1, NOBODY if as_user else -1)
    login = ["-U", "concord", "-A", "scram-sha-256", "--pwfile", secret]
    make = [
        *as_user,
        binaries / "initdb",
        "-D",
        data,
        *login,
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(make, check=True, **QUIET)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = ["-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"]
    serve = [*as_user, binaries / "postgres", "-D", data, *listen]
    server = subprocess.Popen(serve, **QUIET)
    try:
        await_port(port)
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)


def await_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("PostgreSQL did not start")


@pytest.fixture(params=["sqlite", "postgres"])
def agency(request, tmp_path):
    if request.param == "sqlite":
        return Agency(f"sqlite:///{tmp_path / 'agency.db'}")
    request.getfixturevalue("socket_enabled")
    return on(request.getfixturevalue("postgres"))


def on(postgres: Connection) -> Agency:
    """Return the agency's database on PostgreSQL, without rows."""
    url = sa.make_url(postgres.extra["url"])
    agency = Agency(url.set(username="concord", password="s3cret"), postgres)
    agency.run("DELETE FROM person")
    return agency


def test_every_row_arrives_as_a_line_of_json(agency):
    agency.add(row(1), row(2, last_name=None, score=None))
    tables = {"person": {**PERSON, "columns": [*PERSON["columns"], "born"]}}
    fetched, sink = agency.fetch(tables)
    first, second = sink.rows("person")
    assert first["last_name"] == f'O"{CANARY}\n1'
    assert (float(first["score"]), first["born"]) == (12.5, "1990-04-17")
    assert (second["last_name"], second["score"]) == (None, None)
    assert fetched.rows_expected == {"person": 2}
    assert fetched.cursor == "{}"


@pytest.mark.parametrize("where", ["url", "connection"])
def test_the_receipt_names_the_database_and_no_login(where):
    login = {"login": "somebody", "password": "s3cret"}
    url = "postgresql+psycopg://h:5432/rms?sslpassword=s3cret"
    if where == "url":
        login, url = {}, url.replace("h:", "somebody:s3cret@h:")
    agency = Agency("sqlite://", Connection("", **login, extra={"url": url}))
    (drop,) = agency.transport().offered(None, NIGHT)
    assert drop.source == "postgresql+psycopg://h:5432/rms"


def test_an_empty_table_is_a_part_without_rows(agency):
    fetched, sink = agency.fetch({"person": CHANGED})
    assert fetched.rows_expected == {"person": 0}
    assert sink.bytes == {"person/00001.ndjson": b""}


def test_the_next_night_brings_what_changed_since(agency):
    agency.add(row(1), row(2, hour=3))
    tables = {"person": {**CHANGED, "overlapSeconds": 0}}
    first, _ = agency.fetch(tables)
    agency.add(row(3, hour=4))
    agency.run(
        "UPDATE person SET updated_at = '2026-01-05 05:00:00' WHERE person_id = 1"
    )
    second, sink = agency.fetch(tables, first.cursor)
    assert sorted(r["person_id"] for r in sink.rows("person")) == [1, 3]
    quiet, sink = agency.fetch(tables, second.cursor)
    assert sink.rows("person") == []
    assert quiet.cursor == second.cursor


def test_a_row_of_unknown_time_comes_every_night(agency):
    agency.add(row(1), row(2, updated_at=None))
    tables = {"person": {**CHANGED, "overlapSeconds": 0}}
    first, sink = agency.fetch(tables)
    assert len(sink.rows("person")) == 2
    _, sink = agency.fetch(tables, first.cursor)
    assert [r["person_id"] for r in sink.rows("person")] == [2]


def test_a_key_is_a_window_as_well(agency):
    agency.add(row(1), row(2))
    tables = {"person": {**PERSON, "changedBy": "person_id"}}
    first, _ = agency.fetch(tables)
    agency.add(row(3))
    _, sink = agency.fetch(tables, first.cursor)
    assert [r["person_id"] for r in sink.rows("person")] == [3]


@pytest.mark.enable_socket
def test_rows_committed_late_are_found_by_the_overlap(postgres):
    agency = on(postgres)
    agency.add(row(1), row(2, hour=4))
    first, _ = agency.fetch({"person": CHANGED})
    agency.add(row(3, hour=3, updated_at=at(3, 30)))
    _, sink = agency.fetch({"person": CHANGED}, first.cursor)
    assert sorted(r["person_id"] for r in sink.rows("person")) == [2, 3]


def test_many_rows_are_read_a_few_at_a_time(agency, monkeypatch):
    monkeypatch.setattr(database, "ROWS_AT_ONCE", 7)
    agency.add(*(row(n) for n in range(1000)))
    fetched, sink = agency.fetch()
    assert len(sink.rows("person")) == fetched.rows_expected["person"] == 1000


def test_all_tables_are_seen_as_of_one_moment(agency, monkeypatch):
    agency.add(row(1))
    measure = database._Visit.measure

    def meanwhile(visit, query):
        found = measure(visit, query)
        if agency.engine.dialect.name == "postgresql" and query.name == "first":
            agency.add(row(2))
        return found

    monkeypatch.setattr(database._Visit, "measure", meanwhile)
    fetched, _ = agency.fetch({"first": PERSON, "second": PERSON})
    assert fetched.rows_expected == {"first": 1, "second": 1}


def test_more_bytes_than_allowed_are_refused(agency):
    agency.add(*(row(n) for n in range(100)))
    assert agency.refused(maxBytes=500).code == "TOO_LARGE"


def test_a_window_over_anything_but_times_and_numbers_is_refused(agency):
    agency.add(row(1))
    error = agency.refused(tables={"person": {**PERSON, "changedBy": "last_name"}})
    assert error.code == "PROTOCOL"


def test_a_column_that_is_not_there_is_named_by_its_table(agency):
    error = agency.refused(tables={"person": {**PERSON, "columns": ["nothing"]}})
    assert error.code in ("NOT_FOUND", "QUERY_FAILED")
    assert "person" in error.detail


def test_names_that_are_no_names_are_refused_by_the_contract():
    for wrong in ("person; DROP TABLE person", 'a"b', "a.b.c", "(SELECT 1)"):
        spec = {"kind": "database", "tables": {"person": {**PERSON, "from": wrong}}}
        with pytest.raises(Exception, match=r"transport\.tables\.person\.from"):
            read_spec("c", spec)


def test_a_long_query_ends_at_the_deadline(agency, tmp_path):
    agency.run("DROP VIEW IF EXISTS slow")
    if agency.engine.dialect.name == "postgresql":
        slow = "SELECT person_id FROM person, pg_sleep(30)"
    else:
        slow = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS person_id FROM n"
        )
    agency.run(f"CREATE VIEW slow AS {slow}")
    agency.add(row(1))
    tables = {"person": {"from": "slow", "columns": ["person_id"]}}
    began = time.monotonic()
    try:
        assert agency.refused(tables=tables, deadlineSeconds=0.4).code == "DEADLINE"
    finally:
        agency.run("DROP VIEW slow")
    assert time.monotonic() - began < 5


@pytest.mark.enable_socket
def test_values_that_a_database_complains_about_are_not_repeated(postgres):
    agency = on(postgres)
    agency.add(row(1))
    agency.run(
        "CREATE OR REPLACE VIEW cast_view AS "
        "SELECT last_name::INTEGER + 0 AS person_id FROM person"
    )
    tables = {"person": {"from": "cast_view", "columns": ["person_id"]}}
    assert agency.refused(tables=tables).code == "QUERY_FAILED"


def test_bytes_are_not_guessed_at(agency):
    kind = "BYTEA" if agency.engine.dialect.name == "postgresql" else "BLOB"
    agency.run("DROP TABLE IF EXISTS photo", f"CREATE TABLE photo (data {kind})")
    with agency.engine.begin() as connection:
        photo = sa.table("photo", sa.column("data", sa.LargeBinary))
        connection.execute(photo.insert(), [{"data": CANARY.encode()}])
    tables = {"photo": {"from": "photo", "columns": ["data"]}}
    assert agency.refused(tables=tables).code == "PROTOCOL"


def test_a_refused_delivery_leaves_nothing(agency, tmp_path):
    agency.add(*(row(n) for n in range(100)))
    with opened(tmp_path / "home") as landing:
        with pytest.raises(TransportError, match="TOO_LARGE"):
            landing.land(agency.transport(maxBytes=500), NIGHT)
        assert landing.is_empty
        assert landing.land(agency.transport(), NIGHT).rows == 100


def test_rows_that_go_missing_are_counted(agency, monkeypatch):
    agency.add(row(1))
    monkeypatch.setattr(
        database._Visit, "measure", lambda *_: (2, None)
    )  # a driver that loses a row is not to be had
    assert agency.refused(DeliveryHeld).code == "COUNT_MISMATCH"


@pytest.mark.enable_socket
def test_a_wrong_password_is_named_and_not_shown(postgres):
    wrong = replace(postgres, password="wrong-pass")
    agency = Agency("sqlite://", wrong)
    error = agency.refused()
    assert error.code == "LOGIN_REFUSED"
    assert "wrong-pass" not in str(error)


@pytest.mark.enable_socket
def test_a_table_that_may_not_be_read_is_forbidden(postgres):
    agency = on(postgres)
    agency.run(
        "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'reader'"
    )
    reader = replace(postgres, login="reader", password="reader")
    assert agency.refused(connection=reader).code == "FORBIDDEN"


@pytest.mark.parametrize(
    "url", ["", "no address", "zork://h/d", "postgresql+psycopg://127.0.0.1:1/d"]
)
@pytest.mark.enable_socket
def test_a_database_that_cannot_be_reached_is_named(url):
    agency = Agency("sqlite://", Connection("", extra={"url": url}))
    drop = Drop(NIGHT, "a test", "")
    with pytest.raises(TransportError, match="UNREACHABLE"):
        agency.transport().fetch(drop, MemorySink())


def test_the_cursor_holds_no_value_but_a_time_or_a_number(agency):
    agency.add(row(1))
    fetched, _ = agency.fetch({"person": CHANGED})
    (bound,) = json.loads(fetched.cursor).values()
    assert "2026-01-05" in str(bound)
