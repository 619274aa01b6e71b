"""The split: identity attributes to the vault, events to content, as generated SQL.

After the split no table holds both who and what. The two sides meet again only
through record keys, which mean nothing outside the vault.
"""

from collections.abc import Sequence

from concord.contracts.ages import completed_years_sql
from concord.contracts.models import Age, Column, Contract, Table
from concord.contracts.persons import PERSON_ATTRIBUTES
from concord.duck import quoted

ENCODINGS = ("encoding", "encoding_birth", "encoding_name", "encoding_all")
"""What stands in place of a person's attributes where names may not be sent."""
PLACE_TEXTS = ("street", "city", "state", "zip")
PLACE_NUMBERS = ("latitude", "longitude")


def attribute(column: Column) -> str:
    """Return the part of a concept's name after the dot."""
    return column.concept.name.split(".", 1)[1]


def content_columns(table: Table) -> list[Column]:
    """Return the columns that go to content under their own name."""
    return [c for c in table.columns if c.concept.zone == "content"]


def content_key(table: Table) -> list[str]:
    """Return the primary key in terms of content's columns."""
    person = table.person
    return [
        "record_key" if person is not None and c.name == person.name else c.name
        for c in table.key
    ]


def is_deletion(table: Table) -> str:
    """Return SQL that is true of a row by which the agency deletes, by its own mark."""
    action = table.with_concept("technical.action")
    deleted_at = table.with_concept("technical.deleted_at")
    marks = [f"{quoted(action.name)} = 'D'"] if action else []
    marks += [f"{quoted(deleted_at.name)} IS NOT NULL"] if deleted_at else []
    return f"({' OR '.join(marks) or 'FALSE'})"


def place_original(table: Table) -> str:
    """Return SQL that writes an event's address in one fixed form; NULL if it has none.

    Only house number, street and ZIP count: agencies spell cities freely.
    """
    texts = [
        f"upper(trim({quoted(c.name)}))"
        for c in table.columns
        if c.concept.name in ("place.street", "place.zip")
    ]
    return f"nullif(concat_ws('|', {', '.join(texts)}), '')"


def content_select(table: Table, source: str, codes: dict[str, str]) -> str:
    """Return the query of a table's content rows.

    Args:
        table: The contract's table.
        source: A relation of accepted typed rows.
        codes: For a coded column, the relation (code, value) that maps it.
    """
    picked, joins = [], []
    person = table.person
    if person is not None:
        picked.append("_person.key AS record_key")
        joins.append(
            f"LEFT JOIN person_keys AS _person ON _person.original = "
            f"_rows.{quoted(person.name)}"
        )
    if table.has_place:
        picked.append("_place.key AS place_key")
        joins.append(
            "LEFT JOIN place_keys AS _place ON _place.original = _rows._place_original"
        )
    for column in content_columns(table):
        name = quoted(column.name)
        if column.name in codes:
            alias = f"_code_{column.name}"
            picked.append(f"{alias}.value AS {name}")
            joins.append(
                f"LEFT JOIN {codes[column.name]} AS {alias} ON {alias}.code = "
                f"_rows.{name}"
            )
        else:
            picked.append(f"_rows.{name} AS {name}")
    place = f", {place_original(table)} AS _place_original" if table.has_place else ""
    return (
        f"SELECT {', '.join(picked)} FROM (SELECT *{place} FROM {source}) AS _rows "
        f"{' '.join(joins)}"
    )


def identity_select(table: Table, source: str, codes: dict[str, str]) -> str:
    """Return the query of a person table's identity attributes, one row a record."""
    person = table.person
    assert person is not None
    picked = [
        "_person.key AS record_key",
        f"_rows.{quoted(person.name)} AS source_id",
    ]
    joins = [
        f"JOIN person_keys AS _person ON _person.original = _rows.{quoted(person.name)}"
    ]
    for column in table.columns:
        if column.concept.zone != "vault" or column.name == person.name:
            continue
        name = quoted(column.name)
        value = f"_rows.{name}"
        if column.name in codes:
            alias = f"_code_{column.name}"
            joins.append(
                f"LEFT JOIN {codes[column.name]} AS {alias} ON {alias}.code = {value}"
            )
            value = f"{alias}.value"
        picked.append(f"{value} AS {quoted(attribute(column))}")
    return f"SELECT {', '.join(picked)} FROM {source} AS _rows {' '.join(joins)}"


def identity_columns(table: Table) -> list[str]:
    """Return the columns that identity_select gives for a table of persons."""
    attributes = [
        attribute(c)
        for c in table.columns
        if c.concept.zone == "vault" and c.concept.name != "person.source_id"
    ]
    return ["record_key", "source_id", *attributes]


def place_select(table: Table, source: str) -> str:
    """Return the query of the addresses that a table's rows hold, one row a place."""
    by_attribute = {
        attribute(c): quoted(c.name)
        for c in table.columns
        if c.concept.name.startswith("place.") and c.concept.zone == "vault"
    }
    texts = [
        f"min({by_attribute.get(name, 'NULL::VARCHAR')}) AS {name}"
        for name in PLACE_TEXTS
    ]
    numbers = [
        f"min({by_attribute.get(name, 'NULL::DOUBLE')}) AS {name}"
        for name in PLACE_NUMBERS
    ]
    return (
        f"SELECT _place.key AS place_key, {', '.join(texts + numbers)} "
        f"FROM (SELECT *, {place_original(table)} AS _place_original FROM {source}) "
        "AS _rows JOIN place_keys AS _place ON _place.original = _rows._place_original "
        "GROUP BY ALL"
    )


def merged_persons(tables: Sequence[Table], feed: str) -> str:
    """Return the query of one vault person record a person, from all identity tables.

    The first table of persons leads; the others fill what it leaves empty. A feed of
    events alone has no person records.
    """
    describing = [t for t in tables if t.describes_persons]
    if not describing:
        return _no_persons(feed)
    lead, *others = describing
    held = {t.name: {attribute(c) for c in t.columns} for t in (lead, *others)}
    picked = ["lead.record_key", f"'{feed}' AS feed", "lead.source_id"]
    for name in PERSON_ATTRIBUTES:
        sources = [f"lead.{name}"] if name in held[lead.name] else []
        sources += [f"{t.name}.{name}" for t in others if name in held[t.name]]
        empty = "NULL::DATE" if name == "birth_date" else "NULL::VARCHAR"
        value = f"coalesce({', '.join([*sources, empty])})"
        picked.append(f"{value} AS {name}")
    picked += [f"lead.{name}" for name in ENCODINGS if name in held[lead.name]]
    joins = [
        f"LEFT JOIN identity_{t.name} AS {t.name} USING (record_key)" for t in others
    ]
    return (
        f"SELECT {', '.join(picked)} FROM identity_{lead.name} AS lead "
        f"{' '.join(joins)} ORDER BY lead.record_key"
    )


def _no_persons(feed: str) -> str:
    """Return the query of no vault person records, in the form they always have."""
    attributes = ", ".join(
        f"NULL::{'DATE' if name == 'birth_date' else 'VARCHAR'} AS {name}"
        for name in PERSON_ATTRIBUTES
    )
    return (
        f"SELECT NULL::VARCHAR AS record_key, '{feed}' AS feed, "
        f"NULL::VARCHAR AS source_id, {attributes} WHERE FALSE"
    )


def implausible_age(contract: Contract, table: Table, age: Age, source: str) -> str:
    """Return the query that counts rows, those without an age, and impossible ages."""
    on, join = _event_day(contract, table, age)
    years = completed_years_sql("_births.birth_date", on)
    return (
        f"SELECT count(*), count_if(({years}) IS NULL), "
        f"count_if({years} NOT BETWEEN 0 AND 120) FROM {source} AS _rows "
        f"LEFT JOIN person_births AS _births USING (record_key) {' '.join(join)}"
    )


def with_ages(contract: Contract, table: Table, source: str) -> str:
    """Return the query that adds ages at the event to a table's content rows.

    Ages are derived again for every row each night, so a corrected birth date
    corrects every age.
    """
    if not table.ages:
        return f"FROM {source}"
    picked = ["_rows.*"]
    joins = ["LEFT JOIN person_births AS _births USING (record_key)"]
    for age in table.ages:
        on, join = _event_day(contract, table, age)
        joins += join
        years = completed_years_sql("_births.birth_date", on)
        picked.append(
            f"CASE WHEN {years} BETWEEN 0 AND 120 THEN CAST({years} AS SMALLINT) END "
            f"AS {quoted(age.column)}"
        )
    return f"SELECT {', '.join(picked)} FROM {source} AS _rows {' '.join(joins)}"


def _event_day(contract: Contract, table: Table, age: Age) -> tuple[str, list[str]]:
    """Return the event's day as SQL, and the join that brings it in."""
    if "." not in age.at:
        return f"CAST(_rows.{quoted(age.at)} AS DATE)", []
    other, column = age.at.split(".", 1)
    link = next(
        c
        for c in table.columns
        if c.references and c.references.startswith(f"{other}.")
    )
    assert link.references is not None
    key = link.references.split(".", 1)[1]
    alias = f"_at_{other}"
    join = (
        f"LEFT JOIN merged_{other} AS {alias} ON {alias}.{quoted(key)} = "
        f"_rows.{quoted(link.name)}"
    )
    return f"CAST({alias}.{quoted(column)} AS DATE)", [join]
