"""Every hiding place of an identifier that the leak scan must know."""

import base64
import gzip
import json
import sqlite3
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

CANARY = "zqxmarigold7d2k"
PEOPLE = pa.table(
    {
        "record_key": ["0" * 32, "1" * 32, "2" * 32],
        "source_id": ["604821", "P-0094417", "88"],
        "first_name": ["Rosalind", "José", "Unknown"],
        "middle_name": ["Mae", None, None],
        "last_name": ["Thackeray", "Núñez-Ortega", "Unknown"],
        "ssn": ["518-44-9021", None, "000-00-0000"],
        "state_id": ["IL50221877", None, None],
        "phone": ["(217) 555-0148", "+1 217 555 0199", None],
        "email": ["rosalind.thackeray@example.org", None, None],
        "street": ["1409 Wisteria Ct", None, "Homeless"],
        "birth_date": ["1987-02-11", "2001-01-01", None],
        "zip": ["62704", "62701", "62704"],
    }
)


def parquet_data(folder: Path) -> None:
    names = pa.array(["clean"] * 50 + ["Thackeray, Rosalind"] + ["clean"] * 50)
    pq.write_table(
        pa.table({"n": range(101), "note": names}), folder / "t.parquet",
        compression="zstd", row_group_size=40, write_statistics=False,
    )  # fmt: skip


def parquet_dictionary(folder: Path) -> None:
    column = pa.array(["518449021", "x"]).dictionary_encode()
    pq.write_table(pa.table({"code": column}), folder / "t.parquet", compression="zstd")


def parquet_nested(folder: Path) -> None:
    rows = [{"who": ["Rosalind Thackeray"]}, {"who": []}]
    table = pa.table({"event": pa.array(rows)})
    pq.write_table(table, folder / "t.parquet", compression="zstd")


def parquet_integer(folder: Path) -> None:
    table = pa.table({"ssn": pa.array([518449021], pa.int64())})
    pq.write_table(table, folder / "t.parquet", compression="zstd")


def parquet_metadata(folder: Path) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"source": f"file {CANARY}"})
    pq.write_table(table, folder / "t.parquet")


def parquet_column_name(folder: Path) -> None:
    pq.write_table(pa.table({"Rosalind Thackeray": [1]}), folder / "t.parquet")


def file_name(folder: Path) -> None:
    (folder / "Rosalind_Thackeray.csv").write_text("n\n1\n")


def folder_name(folder: Path) -> None:
    (folder / "518449021").mkdir()
    (folder / "518449021" / "n.csv").write_text("n\n1\n")


def link_target(folder: Path) -> None:
    (folder / "latest").symlink_to(f"{CANARY}.csv")


def gzipped_log(folder: Path) -> None:
    (folder / "task.log.1.gz").write_bytes(gzip.compress(b"ssn 518-44-9021 failed\n"))


def gzipped_twice(folder: Path) -> None:
    inner = gzip.compress(b"Rosalind Thackeray")
    (folder / "a.gz").write_bytes(gzip.compress(inner))


def zip_member(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("logs")
        archive.writestr("logs/log.txt", "Rosalind Thackeray")


def zip_member_name(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr(f"{CANARY}.txt", "clean")


def zstd_stream(folder: Path) -> None:
    with pa.CompressedOutputStream(str(folder / "a.zst"), "zstd") as stream:
        stream.write(b"Rosalind Thackeray")


def sqlite_database(folder: Path) -> None:
    with sqlite3.connect(folder / "metadata.db") as con:
        con.execute("CREATE TABLE xcom (key TEXT, value TEXT)")
        con.execute("INSERT INTO xcom VALUES ('return_value', '[\"518449021\"]')")
    con.close()


def sqlite_blob(folder: Path) -> None:
    with sqlite3.connect(folder / "metadata.db") as con:
        con.execute("CREATE TABLE dag (data BLOB)")
        blob = zlib.compress(b"Rosalind Thackeray")
        con.execute("INSERT INTO dag VALUES (?)", (blob,))
    con.close()


def sqlite_in_gzip(folder: Path) -> None:
    sqlite_database(folder)
    path = folder / "metadata.db"
    (folder / "backup.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def duckdb_database(folder: Path) -> None:
    with duckdb.connect(str(folder / "work.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT ['x', 'Thackeray Rosalind'] AS names")


def parquet_binary(folder: Path) -> None:
    column = pa.array([b"\x00Rosalind Thackeray", None], pa.binary())
    pairs = pa.array([[("who", "clean")], []], pa.map_(pa.string(), pa.string()))
    loose = pa.array(['{"a": 1}', None], pa.json_())
    table = pa.table({"raw": column, "pairs": pairs, "loose": loose})
    pq.write_table(table, folder / "t.parquet", compression="zstd")


def sqlite_integer(folder: Path) -> None:
    with sqlite3.connect(folder / "metadata.db") as con:
        con.execute("CREATE TABLE person (ssn INTEGER)")
        con.execute("INSERT INTO person VALUES (518449021)")
    con.close()


def base64_run(folder: Path) -> None:
    run = base64.b64encode(b"user Rosalind Thackeray here").decode()
    (folder / "trace.txt").write_text(f"GET https://host/api/{run} HTTP/1.1\n")


def base64_mail(folder: Path) -> None:
    text = base64.encodebytes(b"x" * 50 + b" Rosalind Thackeray " + b"Y" * 90)
    (folder / "mail.eml").write_bytes(b"Content: mail\n\n" + text)


def json_escapes(folder: Path) -> None:
    escaped = "".join(f"\\u{ord(c):04x}" for c in "Rosalind\nThackeray")
    (folder / "event.json").write_text(f'{{"message": "{escaped}"}}')


def json_accents(folder: Path) -> None:
    (folder / "event.json").write_text(json.dumps({"who": "José Núñez-Ortega"}))


def url_encoding(folder: Path) -> None:
    (folder / "access.log").write_text(f"GET /?q={quote('Rosalind Thackeray')}\n")


def utf_16(folder: Path) -> None:
    (folder / "export.csv").write_text("Thackeray;Rosalind", encoding="utf-16")


def far_into_a_file(folder: Path) -> None:
    border = (4 << 20) - 9  # the name lies across two windows
    (folder / "big.log").write_bytes(b"." * border + b"Rosalind Thackeray" + b"." * 99)


PLANTS = [
    parquet_data, parquet_dictionary, parquet_nested, parquet_integer, parquet_binary,
    parquet_metadata, parquet_column_name, file_name, folder_name, link_target,
    gzipped_log, gzipped_twice, zip_member, zip_member_name, zstd_stream,
    sqlite_database, sqlite_integer, sqlite_blob, sqlite_in_gzip, duckdb_database,
    base64_run, base64_mail, json_escapes, json_accents, url_encoding, utf_16,
    far_into_a_file,
]  # fmt: skip
