"""Ways in which a step that sees identities fails, each by the real thing's own error.

Every one puts the canary where the engine at fault quotes, prints or keeps it.
"""

import csv
import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import requests
import sqlalchemy as sa
import yaml
from pydantic import BaseModel

from concord.exceptions import IntegrityError

CANARY = "zqxmarigold7d2k 518-44-9021"
NAME = "zqxmarigold7d2k"


def cast_in_duckdb() -> None:
    query = "SELECT CAST(v AS INTEGER) FROM (VALUES ($v)) t(v)"
    duckdb.sql(query, params={"v": CANARY}).fetchall()


def cast_of_a_date_in_duckdb() -> None:
    duckdb.sql("SELECT strptime($v, '%Y-%m-%d')", params={"v": CANARY}).fetchall()


def cast_in_arrow() -> None:
    pa.array([CANARY]).cast(pa.int64())


def cast_in_pandas() -> None:
    pd.to_numeric(pd.Series(["1", CANARY]))


def cast_in_polars() -> None:
    pl.Series("n", [CANARY]).cast(pl.Int64)


def cast_in_python() -> None:
    int(CANARY)


def cast_of_a_date_in_python() -> None:
    datetime.strptime(CANARY, "%Y-%m-%d%z")


def join_of_two_to_one() -> None:
    people = pd.DataFrame({"name": [CANARY, CANARY], "n": [1, 2]})
    people.merge(people, on="name", validate="one_to_one")


def join_on_a_key_that_is_not_there() -> None:
    pd.DataFrame({"n": [1]}, index=["a"]).loc[CANARY]


def join_through_a_dictionary() -> None:
    {}[CANARY]


def join_with_two_answers() -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT ? AS v UNION ALL SELECT ?", [CANARY, NAME])
    con.execute(f"SELECT error(v || ' has two answers') FROM t WHERE v = '{CANARY}'")


def constraint_in_duckdb() -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE person (ssn TEXT PRIMARY KEY)")
    con.execute("INSERT INTO person VALUES (?), (?)", [CANARY, CANARY])


def check_constraint_in_duckdb() -> None:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE person (ssn TEXT CHECK (ssn <> '{CANARY}'))")
    con.execute("INSERT INTO person VALUES (?)", [CANARY])


def constraint_in_sqlite() -> None:
    con = sqlite3.connect(":memory:")
    con.execute(f"CREATE TABLE t (n TEXT CHECK (n <> '{CANARY}'))")
    con.execute("INSERT INTO t VALUES (?)", [CANARY])


def constraint_through_sqlalchemy() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.execute(sa.text("CREATE TABLE t (n TEXT UNIQUE)"))
        for _ in range(2):
            connection.execute(sa.text("INSERT INTO t VALUES (:n)"), {"n": CANARY})


class Person(BaseModel):
    born: date


def constraint_of_a_model() -> None:
    Person(born=CANARY)


def great_expectations_result() -> None:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("p").add_dataframe_asset("t")
    batch = source.add_batch_definition_whole_dataframe("b").get_batch(
        {"dataframe": pd.DataFrame({"name": [CANARY, "x"]})}
    )
    rule = gx.expectations.ExpectColumnValuesToBeInSet(column="name", value_set=["x"])
    result = batch.validate(rule)
    if not result.success:
        raise AssertionError(str(result))


def great_expectations_exception() -> None:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("p").add_dataframe_asset("t")
    batch = source.add_batch_definition_whole_dataframe("b").get_batch(
        {"dataframe": pd.DataFrame({"name": [CANARY, 1]})}
    )
    result = batch.validate(
        gx.expectations.ExpectColumnMaxToBeBetween(column="name", max_value=1)
    )
    raise RuntimeError(f"{result.exception_info} of {CANARY}")


def splink_sql() -> None:
    from splink import DuckDBAPI, Linker, SettingsCreator
    from splink import comparison_level_library as level

    wrong = {
        "output_column_name": "name",
        "comparison_levels": [
            level.CustomLevel('"name_l" = CAST("name_r" AS INTEGER)', "cast"),
            level.ElseLevel(),
        ],
    }
    api = DuckDBAPI()
    people = pd.DataFrame({"unique_id": [1, 2], "name": [CANARY, CANARY]})
    settings = SettingsCreator(
        "dedupe_only",
        comparisons=[wrong],
        blocking_rules_to_generate_predictions=["1=1"],
    )
    Linker(api.register(people), settings).inference.predict().as_pandas_dataframe()


def transport_to_nowhere() -> None:
    requests.get(f"http://127.0.0.1:9/patients/{NAME}", timeout=1)


def transport_answer_that_is_no_json() -> None:
    try:
        json.loads('{"name": "' + CANARY)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.doc}") from error


def transport_of_a_file_that_is_gone() -> None:
    Path(f"/nonexistent/{CANARY}.csv").read_bytes()


def parser_of_csv() -> None:
    rows = csv.reader(io.StringIO(f'"{CANARY}"x\n'), strict=True)
    try:
        list(rows)
    except csv.Error as error:
        error.add_note(f"line {CANARY}")
        raise


def parser_of_csv_in_duckdb() -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"{os.getpid()}-failures.csv"
    path.write_text(f"n\n1\n{CANARY}\n")
    try:
        duckdb.sql(f"FROM read_csv('{path}', columns={{'n': 'INT'}})").fetchall()
    finally:
        path.unlink()


def parser_of_json_in_duckdb() -> None:
    duckdb.sql("SELECT CAST($v AS JSON)", params={"v": CANARY}).fetchall()


def parser_of_yaml() -> None:
    yaml.safe_load(f"a: [{CANARY}\nb: }}")


def parser_of_bytes() -> None:
    line = CANARY.encode() + b"\xff"
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"line {line!r}") from error


def parser_of_a_zip() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", "b")
    zipfile.ZipFile(packed).read(f"{CANARY}.csv")


def kill_by_a_child_that_died() -> None:
    subprocess.run([sys.executable, "-c", f"raise SystemExit('{CANARY}')"], check=True)


def kill_by_an_exit_that_says_why() -> None:
    raise SystemExit(f"could not go on with {CANARY}")


def kill_while_a_value_was_in_hand() -> None:
    try:
        cast_in_python()
    except ValueError:
        raise KeyboardInterrupt  # noqa: B904


def kill_for_want_of_memory() -> None:
    raise MemoryError(f"while {CANARY} was read")


def kill_by_endless_calls() -> None:
    def again(value: str) -> str:
        return again(value)

    try:
        again(CANARY)
    except RecursionError as error:
        raise RecursionError(f"with {CANARY}") from error


def error_raised_from_another() -> None:
    try:
        cast_in_python()
    except ValueError as error:
        raise IntegrityError("police_rms: the state can't be read") from error


def error_met_on_the_way() -> None:
    try:
        cast_in_python()
    except ValueError:
        raise IntegrityError("police_rms: the state can't be read")  # noqa: B904


def errors_in_a_group() -> None:
    raise ExceptionGroup("two feeds", [ValueError(CANARY), KeyError(CANARY)])


def error_in_a_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cast_in_python).result()


def words_of_a_library() -> None:
    sys.stdout.write(f"{CANARY}\n")
    sys.stderr.write(f"{CANARY}\n")
    logging.getLogger("splink").warning("could not read %s", CANARY)
    logging.getLogger("great_expectations").error("row %s", CANARY, extra={"v": CANARY})
    warnings.warn(f"a mixed column: {CANARY}", stacklevel=1)
    try:
        cast_in_python()
    except ValueError:
        logging.getLogger("duckdb").exception("failed with %s", CANARY)
    raise ValueError(CANARY)


FAILURES: list[Callable[[], None]] = [
    cast_in_duckdb, cast_of_a_date_in_duckdb, cast_in_arrow, cast_in_pandas,
    cast_in_polars, cast_in_python, cast_of_a_date_in_python, join_of_two_to_one,
    join_on_a_key_that_is_not_there, join_through_a_dictionary, join_with_two_answers,
    constraint_in_duckdb, check_constraint_in_duckdb, constraint_in_sqlite,
    constraint_through_sqlalchemy, constraint_of_a_model, great_expectations_result,
    great_expectations_exception, splink_sql, transport_to_nowhere,
    transport_answer_that_is_no_json, transport_of_a_file_that_is_gone, parser_of_csv,
    parser_of_csv_in_duckdb, parser_of_json_in_duckdb, parser_of_yaml, parser_of_bytes,
    parser_of_a_zip, kill_by_a_child_that_died, kill_by_an_exit_that_says_why,
    kill_while_a_value_was_in_hand, kill_for_want_of_memory, kill_by_endless_calls,
    error_raised_from_another, error_met_on_the_way, errors_in_a_group,
    error_in_a_thread, words_of_a_library,
]  # fmt: skip
