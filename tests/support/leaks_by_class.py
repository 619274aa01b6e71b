"""One deliberate leak in each class of artefact, where that class really lies."""

import base64
import gzip
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

FULL_NAME, SSN, NUMBER = "Rosalind Thackeray", "518-44-9021", "C4409127"
IDENTITIES = ("Rosalind", "Thackeray", SSN, "518449021", NUMBER)
RELEASE = "home/releases/research/r000001"
TASK = "airflow/logs/dag_id=ingest_clinic/run_id=1/task_id=check"
VALIDATION = "airflow/gx/uncommitted/validations/clinic/1.json"


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text)


def _parquet(table: pa.Table) -> Callable[[Path], None]:
    return lambda path: pq.write_table(table, path, compression="zstd")


def _sqlite(table: str, column: str, value: str | bytes) -> Callable[[Path], None]:
    def plant(path: Path) -> None:
        with sqlite3.connect(path) as con:
            con.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INT, {column})")
            con.execute(f"INSERT INTO {table} VALUES (1, ?)", (value,))
        con.close()

    return plant


def _duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE person AS SELECT 'THACKERAY, ROSALIND' AS note")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("backup/manifest.txt", f"restored {FULL_NAME}")


def _zstd(path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(f"note\n{FULL_NAME}\n".encode())


def _event(name: str) -> str:
    facet = {"errorMessage": {"message": f"could not cast {name}"}}
    return json.dumps({"eventType": "FAIL", "run": {"facets": facet}}) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


Leak = tuple[str, Callable[[Path], None]]
LEAKS: dict[str, Leak] = {
    "release table": (
        f"{RELEASE}/person/part-1.parquet",
        _parquet(pa.table({"note": ["clean", FULL_NAME]})),
    ),
    "release footer": (
        f"{RELEASE}/person/part-2.parquet",
        _parquet(pa.table({"n": [1]}).replace_schema_metadata({"from": SSN})),
    ),
    "release column name": (
        f"{RELEASE}/person/part-3.parquet",
        _parquet(pa.table({FULL_NAME: [1]})),
    ),
    "release file name": (
        f"{RELEASE}/person/Rosalind_Thackeray.parquet",
        _parquet(pa.table({"n": [1]})),
    ),
    "release document": (
        f"{RELEASE}/dictionary.html",
        _text("<tr><td>Rosalind</td><td>Thackeray</td></tr>"),
    ),
    "release manifest": (f"{RELEASE}/manifest.json", _text(json.dumps({"by": NUMBER}))),
    "release DuckDB file": (f"{RELEASE}/catalog.duckdb", _duckdb),
    "report site": ("home/reports/2026-01-05/index.html", _text(f"<p>{FULL_NAME}</p>")),
    "ledger": ("home/ledger.db", _sqlite("leaked_facts", "facts", f'["{FULL_NAME}"]')),
    "journal": ("home/landing/_journal/9.jsonl", _text(f'{{"ssn": "{SSN}"}}')),
    "landing in the clear": ("home/landing/clinic/x/page.csv", _text(f"{NUMBER},1\n")),
    "content in the clear": (
        "home/content/clinic/x/visit.parquet",
        _parquet(pa.table({"who": [NUMBER]})),
    ),
    "scratch": ("home/scratch/check-1/rows.csv", _text("518449021|F|C4409127\n")),
    "spilled data": (
        "home/scratch/check-1/duckdb_temp_block-1.block",
        lambda path: path.write_bytes(bytes(512) + FULL_NAME.encode() + bytes(512)),
    ),
    "task log": (f"{TASK}/attempt=1.log", _text(json.dumps({"event": FULL_NAME}))),
    "rotated log": (
        f"{TASK}/attempt=1.log.1.gz",
        lambda path: path.write_bytes(gzip.compress(b"KeyError: 'C4409127'")),
    ),
    "traceback in base64": (
        f"{TASK}/attempt=2.log",
        _text(base64.b64encode(f"ValueError: {FULL_NAME} at".encode()).decode()),
    ),
    "standard output": ("airflow/scheduler.log", _text(f"call {SSN} failed\n")),
    "access log": (
        "airflow/api-server.log",
        _text(f"GET /api/v2/x?q={quote(FULL_NAME)} HTTP/1.1\n"),
    ),
    "XCom": ("airflow/airflow.db", _sqlite("xcom", "value", f'"{NUMBER}"')),
    "rendered templates": (
        "airflow/airflow.db",
        _sqlite("rendered_task_instance_fields", "rendered_fields", f"[{FULL_NAME}]"),
    ),
    "run conf": ("airflow/airflow.db", _sqlite("dag_run", "conf", f'{{"id":"{SSN}"}}')),
    "asset event": ("airflow/airflow.db", _sqlite("asset_event", "extra", NUMBER)),
    "import error": (
        "airflow/airflow.db",
        _sqlite("import_error", "stacktrace", f"line 1: {_escaped(FULL_NAME)}"),
    ),
    "audit log": ("airflow/airflow.db", _sqlite("log", "extra", f"owner {FULL_NAME}")),
    "packed DAG": (
        "airflow/airflow.db",
        _sqlite("serialized_dag", "data", zlib.compress(f"doc {FULL_NAME}".encode())),
    ),
    "Great Expectations' results": (
        VALIDATION,
        _text(json.dumps({"partial_unexpected_list": [SSN]})),
    ),
    "Data Docs": (
        "airflow/gx/uncommitted/data_docs/index.html",
        _text("<li>Thackeray</li><li>Rosalind</li>"),
    ),
    "lineage event": ("airflow/lineage/events.jsonl", _text(_event(FULL_NAME))),
    "metrics": ("airflow/metrics.prom", _text(f'rows{{name="{FULL_NAME}"}} 1\n')),
    "mail": (
        "airflow/outbox/1.eml",
        lambda path: path.write_bytes(
            b"Content-Transfer-Encoding: base64\n\n"
            + base64.encodebytes(f"Dear steward, {FULL_NAME} is late. Yours".encode())
        ),
    ),
    "backup": ("airflow/backup.zip", _zip),
    "export": ("airflow/export.csv.zst", _zstd),
    "temporary file": ("temporary/tmpa1b2/data.txt", _text(f"to {NUMBER}\n")),
    "core dump": (
        "temporary/core.4711",
        lambda path: path.write_bytes(b"\x7fELF" + bytes(99) + b"Rosalind Thackeray\0"),
    ),
}
"""For each class, the file in which it leaks and how."""
