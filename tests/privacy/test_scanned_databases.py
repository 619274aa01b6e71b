"""The metadata database is scanned where it is a server, not a file, too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from concord.disclosure.dictionary import Dictionary
from concord.disclosure.identifiers import scan_server
from tests.support import postgres
from tests.support.leaks import CANARY, PEOPLE


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return Dictionary.from_vault([PEOPLE], tokens=[CANARY], key=b"k" * 32)


def leak_into(url: str) -> None:
    engine = sa.create_engine(url)
    kind = sa.JSON()
    tables = sa.MetaData()
    xcom = sa.Table(
        "xcom", tables, sa.Column("value", kind), sa.Column("n", sa.Integer)
    )
    pickled = sa.Table("dag_pickle", tables, sa.Column("pickle", sa.LargeBinary()))
    sa.Table("import_error", tables, sa.Column("stacktrace", sa.Text()))
    tables.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(xcom).values(value={"who": CANARY}, n=518449021))
        connection.execute(
            sa.insert(pickled).values(pickle=b"\x80Rosalind Thackeray\0")
        )
    engine.dispose()


@pytest.fixture
def server() -> Iterator[str]:
    if missing := postgres.missing():
        pytest.skip(missing)
    with postgres.server() as url:
        yield url


def test_a_postgresql_server_is_scanned(server: str, dictionary: Dictionary) -> None:
    leak_into(server)

    findings = scan_server("metadata database", server, dictionary)

    assert {(f.artefact, f.locator, f.kind) for f in findings} == {
        ("metadata database", "table public.xcom, column value", "token"),
        ("metadata database", "table public.dag_pickle, column pickle byte 1", "name"),
    }


def test_any_database_with_a_url_is_scanned(
    tmp_path: Path, dictionary: Dictionary
) -> None:
    url = f"sqlite:///{tmp_path / 'metadata.db'}"
    leak_into(url)

    findings = scan_server("metadata database", url, dictionary)

    assert {f.kind for f in findings} == {"token", "name"}


def test_a_database_that_does_not_answer_is_a_finding(dictionary: Dictionary) -> None:
    url = "postgresql+psycopg2://nobody:secret@/none?host=/nonexistent"

    (finding,) = scan_server("metadata database", url, dictionary)

    assert finding.kind == "unreadable"
    assert "secret" not in str(finding)
