"""Every form under which an identifier may be written, made from the vault's tables.

A form is letters and digits only, in lower case. DuckDB makes all of them at once, in
memory alone: a county has millions.
"""

from collections.abc import Iterable
from typing import Literal

import duckdb
import pyarrow as pa

from concord.exceptions import ConfigError

Kind = Literal[
    "token", "name", "ssn", "phone", "email", "source_id", "state_id",
    "student_number", "medical_number", "plate", "street", "birth_name",
]  # fmt: skip
"""Kinds of identifiers; where two share a form, the first is told."""

WRITTEN: tuple[Kind, ...] = (
    "email", "source_id", "state_id", "student_number", "medical_number", "plate",
    "street",
)  # fmt: skip
"""Columns that are looked for as they are written."""
IDENTIFYING = ("last_name", "ssn", "phone", *WRITTEN)
"""Columns of the vault that are looked for; a name counts once."""
KNOWN = ("first_name", "middle_name", "birth_date", *IDENTIFYING)
"""Columns from which forms are made."""
SHORTEST: dict[Kind, int] = {
    "token": 6, "name": 7, "ssn": 9, "phone": 10, "email": 7, "source_id": 6,
    "state_id": 6, "student_number": 6, "medical_number": 6, "plate": 5, "street": 7,
    "birth_name": 10,
}  # fmt: skip
PLACEHOLDERS = (
    "unknown", "unk", "none", "null", "nfn", "nln", "fnu", "lnu", "refused", "doe",
    "baby", "infant", "newborn",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        ("form", pa.string()),
        ("kind", pa.string()),
        ("breaks", pa.int32()),
        ("layout", pa.list_(pa.int64())),
        ("owners", pa.list_(pa.int32())),
    ]
)
_WORDS = "regexp_extract_all({}, '[0-9A-Za-z]+')"
_ORDERS = (
    "first || ' ' || last", "last || ' ' || first",
    "first || ' ' || middle || ' ' || last", "last || ' ' || first || ' ' || middle",
    "first || ' ' || left(middle, 1) || ' ' || last",
    "last || ' ' || first || ' ' || left(middle, 1)",
)  # fmt: skip
_BIRTHS = (
    "last || strftime(born, ' %Y-%m-%d')", "strftime(born, '%Y-%m-%d ') || last",
    "last || strftime(born, ' %m/%d/%Y')", "strftime(born, '%m/%d/%Y ') || last",
)  # fmt: skip


def written_forms(persons: Iterable[pa.Table], tokens: Iterable[str]) -> pa.Table:
    """Return each form once, with its kind and how it may be interrupted.

    ``layout`` holds the lengths of the groups in which a number of digits only is
    usually written, and ``owners`` whose number it is; both are empty for letters.
    """
    found = [table for table in persons if table.num_rows]
    planted = list(tokens)
    if not found and not planted:
        return SCHEMA.empty_table()
    with duckdb.connect(config={"temp_directory": ""}) as con:
        _collect(con, found)
        con.execute(f"CREATE TABLE token AS {_checked_tokens(con, planted)}")
        return con.sql(_forms()).to_arrow_table().cast(SCHEMA)


def _collect(con: duckdb.DuckDBPyConnection, persons: Iterable[pa.Table]) -> None:
    """Put all tables' known columns into one; the columns that one lacks are null."""
    columns = ", ".join(f"{name} VARCHAR" for name in KNOWN)
    con.execute("CREATE SEQUENCE number")
    con.execute(
        f"CREATE TABLE record (owner INTEGER DEFAULT nextval('number'), {columns})"
    )
    for table in persons:
        known = [name for name in KNOWN if name in table.column_names]
        if known:
            con.register("_table", table.select(known))
            con.execute(f"INSERT INTO record ({', '.join(known)}) FROM _table")
            con.unregister("_table")


def _checked_tokens(con: duckdb.DuckDBPyConnection, tokens: list[str]) -> str:
    """Return the query of the tokens, sure that each is long enough to be unique."""
    con.register("_tokens", pa.table({"text": pa.array(tokens, pa.string())}))
    shortest = SHORTEST["token"]
    short = con.execute(
        "SELECT row_number() OVER () AS number FROM _tokens QUALIFY "
        f"length(regexp_replace(text, '[^0-9A-Za-z]', '', 'g')) < {shortest} LIMIT 1"
    ).fetchone()
    if short:
        raise ConfigError(
            f"canary token {short[0]}: needs {shortest} letters or digits to be unique"
        )
    return "FROM _tokens"


def _forms() -> str:
    """Return the query of all forms.

    Letters with accents count composed, decomposed and without; where an accent stands
    as a character of its own, it interrupts the word.
    """
    shortest = " ".join(f"WHEN '{k}' THEN {n}" for k, n in SHORTEST.items())
    ranks = " ".join(f"WHEN '{k}' THEN {n}" for n, k in enumerate(SHORTEST))
    return f"""
WITH value AS ({_values()}),
spelled AS (
    SELECT kind, owner, usual, {_WORDS.format("text")} AS words, 0 AS marks
    FROM (SELECT * REPLACE (nfc_normalize(text) AS text) FROM value)
    UNION ALL
    SELECT kind, owner, usual, {_WORDS.format("strip_accents(text)")},
        length(regexp_replace(nfc_normalize(text), '[\\x00-\\x7f]', '', 'g'))
    FROM value WHERE regexp_matches(text, '[^\\x00-\\x7f]')
),
formed AS (
    SELECT kind, owner, lower(array_to_string(words, '')) AS form,
        coalesce(len(usual), len(words)) - 1 + marks AS breaks,
        coalesce(usual, list_transform(words, lambda word: length(word))) AS layout
    FROM spelled
),
telling AS (
    SELECT *, regexp_full_match(form, '[0-9]+') AND kind <> 'token' AS numeric
    FROM formed
    WHERE length(form) >= CASE kind {shortest} END
        AND length(regexp_replace(form, '[^0-9]', '', 'g')) >= CASE
            WHEN kind IN ('street', 'plate') THEN 1
            WHEN kind LIKE '%_id' OR kind LIKE '%_number' THEN 4 ELSE 0 END
        AND (kind NOT IN ('street', 'plate') OR regexp_matches(form, '[a-z]'))
)
SELECT form, min_by(kind, rank) AS kind, max(breaks) AS breaks,
    coalesce(min_by(layout, rank) FILTER (WHERE numeric), []) AS layout,
    coalesce(list(DISTINCT owner) FILTER (WHERE numeric), []) AS owners
FROM (SELECT *, CASE kind {ranks} END AS rank FROM telling)
GROUP BY form ORDER BY form
"""


def _values() -> str:
    """Return the query of every identifier as it is written, in every order."""
    unknown = "|".join(PLACEHOLDERS)
    named = (
        "SELECT owner, first_name AS first, middle_name AS middle, last_name AS last "
        "FROM record WHERE length(first_name) >= 2 AND length(last_name) >= 2 AND NOT "
        f"regexp_matches(lower(first_name || ' ' || last_name), '\\b({unknown})\\b')"
    )
    born = (
        "SELECT owner, last_name AS last, TRY_CAST(birth_date AS DATE) AS born "
        "FROM record WHERE length(last_name) >= 2 AND NOT "
        f"regexp_matches(lower(last_name), '\\b({unknown})\\b')"
    )
    queries = [
        "SELECT 'token' AS kind, 0 AS owner, text, NULL::BIGINT[] AS usual FROM token",
        *(
            f"SELECT 'name', owner, {order}, NULL FROM ({named}) "
            f"WHERE {order} IS NOT NULL"
            for order in _ORDERS
        ),
        *(
            f"SELECT 'birth_name', owner, {order}, NULL FROM ({born}) "
            "WHERE born IS NOT NULL"
            for order in _BIRTHS
        ),
        _numbers("ssn", 9, "[3, 2, 4]"),
        _numbers("phone", 10, "[3, 3, 4]"),
        _numbers("phone", 10, "[1, 3, 3, 4]", before="1"),
        *(
            f"SELECT '{column}', owner, {column}, NULL FROM record "
            f"WHERE {column} IS NOT NULL"
            for column in WRITTEN
        ),
    ]
    return " UNION ALL ".join(queries)


def _numbers(column: str, length: int, usual: str, before: str = "") -> str:
    """Return the query of a number with a usual layout, whatever it is written in."""
    digits = f"regexp_replace({column}, '[^0-9A-Za-z]', '', 'g')"
    if column == "phone":  # the country's 1 stands before it or not
        digits = f"regexp_replace({digits}, '^1([0-9]{{{length}}})$', '\\1')"
    return (
        f"SELECT '{column}', owner, '{before}' || digits, {usual}::BIGINT[] "
        f"FROM (SELECT owner, {digits} AS digits FROM record) "
        f"WHERE regexp_full_match(digits, '[0-9]{{{length}}}') "
        f"AND digits <> repeat(left(digits, 1), {length})"
    )
