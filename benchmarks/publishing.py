"""The lower bound's last step as plain SQL: codes, ages, tokens and coarse values."""

from collections.abc import Iterable

from benchmarks.served import NIGHT
from concord.contracts.ages import completed_years_sql
from concord.contracts.models import Column, Contract, ReleaseProfile, Table
from concord.deidentification.actions import (
    age_band,
    birth_year,
    generalise_date,
    zip3,
)
from concord.deidentification.tokens import prefix
from concord.deidentification.zip3 import Zip3Table

ATTRIBUTES = ("birth_date", "sex", "race", "ethnicity", "state", "zip")
PLACE = "upper(trim(street)) || '|' || upper(trim(zip))"


def persons_sql(
    contracts: Iterable[Contract], profile: ReleaseProfile, zips: Zip3Table
) -> str:
    """Return the query of persons, each attribute the most frequent of a person's."""
    records = [
        _records(contract, table)
        for contract in contracts
        for table in contract.tables
        if table.describes_persons
    ]
    year = birth_year("birth_date", NIGHT, profile.concepts["person.birth_date"].top)
    return (
        "SELECT person_token, mode(sex) AS sex, mode(race) AS race, "
        "mode(ethnicity) AS ethnicity, mode(state) AS state, "
        f"mode({zip3('zip', zips)}) AS zip3, mode({year}) AS birth_year "
        f"FROM ({' UNION ALL '.join(records)}) GROUP BY person_token"
    )


def _records(contract: Contract, table: Table) -> str:
    """Return the query of a person table's records, codes mapped, with tokens."""
    picked, joins = [], ""
    for name in ATTRIBUTES:
        column = table.with_concept(f"person.{name}")
        kind = "DATE" if name == "birth_date" else "VARCHAR"
        value = f"NULL::{kind}" if column is None else f'rows."{column.name}"'
        if column is not None and column.codelist is not None:
            value, join = _mapped(column)
            joins += join
        picked.append(f"{value} AS {name}")
    assert table.person is not None
    return (
        f"SELECT person_token, {', '.join(picked)} "
        f"FROM good_{contract.id}_{table.name} AS rows JOIN person_token ON "
        f"source_id = rows.\"{table.person.name}\" AND feed = '{contract.id}'{joins}"
    )


def _mapped(column: Column) -> tuple[str, str]:
    """Return a coded column's value and the join that it needs."""
    assert column.codelist is not None
    alias = f"code_{column.name}"
    return (
        f"{alias}.value",
        f" LEFT JOIN codes_{column.codelist.name} AS {alias} "
        f'ON {alias}.code = rows."{column.name}"',
    )


def places_sql(contracts: Iterable[Contract], zips: Zip3Table) -> str:
    """Return the query of places with tokens."""
    selects = " UNION ALL ".join(
        f"SELECT {PLACE} AS place, state, zip FROM good_{contract.id}_{table.name}"
        for contract in contracts
        for table in contract.tables
        if table.has_place
    )
    return (
        "SELECT place, 'pla_' || token('place', place) AS place_token, "
        f"min(state) AS state, min({zip3('zip', zips)}) AS zip3 "
        f"FROM ({selects}) WHERE place <> '|' GROUP BY place"
    )


def deidentified_sql(contract: Contract, table: Table, profile: ReleaseProfile) -> str:
    """Return the query of a table as it may leave."""
    picked, joins = [], ""
    if table.person is not None:
        picked.append("person.person_token")
        joins += (
            f" JOIN person_token AS person ON person.feed = '{contract.id}' AND "
            f'person.source_id = rows."{table.person.name}"'
        )
    if table.has_place:
        picked.append("place.place_token")
        place = PLACE.replace("street", "rows.street").replace("zip", "rows.zip")
        joins += f" LEFT JOIN places AS place ON place.place = {place}"
    for column in table.columns:
        if column.concept.zone != "content":
            continue
        action = profile.concepts[column.concept.name]
        value = f'rows."{column.name}"'
        if action.action == "drop":
            continue
        if action.action == "generalise_date":
            value = generalise_date(value, action.unit)
        elif action.action == "tokenise":
            assert column.entity is not None
            value = (
                f"'{prefix(column.entity)}_' || token('{column.entity}', "
                f"{value}::VARCHAR)"
            )
        elif column.codelist is not None:
            value, join = _mapped(column)
            joins += join
        picked.append(f'{value} AS "{column.name}"')
    ages, age_joins = _ages(contract, table, profile)
    return (
        f"SELECT {', '.join(picked + ages)} FROM good_{contract.id}_{table.name} "
        f"AS rows{joins}{age_joins}"
    )


def _ages(
    contract: Contract, table: Table, profile: ReleaseProfile
) -> tuple[list[str], str]:
    """Return the bands of the ages at a table's events, and the joins for them."""
    if not table.ages:
        return [], ""
    holder = next(t for t in contract.tables if t.with_concept("person.birth_date"))
    assert table.person is not None
    assert holder.person is not None
    birth = holder.with_concept("person.birth_date")
    assert birth is not None
    joins = (
        f" LEFT JOIN good_{contract.id}_{holder.name} AS born ON "
        f'born."{holder.person.name}" = rows."{table.person.name}"'
    )
    bands = profile.concepts["person.age_at_event"].bands
    picked = []
    for age in table.ages:
        on = f'rows."{age.at}"'
        if "." in age.at:
            other, column = age.at.split(".")
            link = next(
                c for c in table.columns if (c.references or "").startswith(f"{other}.")
            )
            key = str(link.references).split(".")[1]
            on = f'at_{other}."{column}"'
            joins += (
                f" LEFT JOIN good_{contract.id}_{other} AS at_{other} "
                f'ON at_{other}."{key}" = rows."{link.name}"'
            )
        years = completed_years_sql(f'born."{birth.name}"', on)
        picked.append(f'{age_band(years, bands)} AS "{age.column}"')
    return picked, joins
