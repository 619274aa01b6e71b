"""Places that are withheld to keep victims safe, by the rules of a release profile.

The rules see what the agency recorded, not what of it may leave: a release that drops
relationships still withholds the homes of partners.
"""

from collections.abc import Iterator, Mapping

import duckdb

from concord.contracts.models import Contract, ReleaseProfile, Table
from concord.contracts.victims import Value, Withheld
from concord.deidentification.content_columns import PLACE_KEY
from concord.duck import literal, one, quoted
from concord.exceptions import ContractError, IntegrityError

PLACE_WITHHELD = "place_withheld"
PLACE_TOKEN = "place_token"  # noqa: S105 (a column)


def withheld_of(profile: ReleaseProfile, feed: str, table: str) -> tuple[Withheld, ...]:
    """Return what a profile says of the places of a table."""
    return tuple(
        one
        for rule in profile.victim_rules.values()
        for one in rule.withhold
        if (one.feed, one.table) == (feed, table)
    )


def withheld_sql(
    contract: Contract,
    table: Table,
    profile: ReleaseProfile,
    sources: Mapping[str, str],
) -> tuple[str, str] | None:
    """Return SQL that is true of rows whose place is withheld, and the join it needs.

    Args:
        contract: The feed's contract.
        table: The table whose rows have places.
        profile: The release profile with its rules.
        sources: The relation of each content table of the feed.

    Returns:
        None where no rule is about the table.

    Raises:
        ContractError: A rule names a column that the contract doesn't have.
    """
    said = withheld_of(profile, contract.id, table.name)
    if not said:
        return None
    tests = []
    linked: dict[str, list[str]] = {}
    for rule in said:
        if rule.when is None:
            continue
        other, _, column = rule.when.rpartition(".")
        if other:
            there, here = _link(contract, table, other)
            test = _test(contract, rule, other, column)
            linked.setdefault(here, []).append(
                f"SELECT {quoted(there)} AS key FROM {sources[other]} AS rows "
                f"WHERE {test}"
            )
        else:
            tests.append(_own(contract, rule, column))
    joins = []
    for here, selects in linked.items():
        alias = quoted(f"withheld by {here}")
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT key FROM ({' UNION ALL '.join(selects)})) "
            f"AS {alias} ON {alias}.key = content.{quoted(here)}"
        )
        tests.append(f"{alias}.key IS NOT NULL")
    return f"({' OR '.join(tests) or 'FALSE'})", " ".join(joins)


def _own(contract: Contract, rule: Withheld, column: str) -> str:
    test = _test(contract, rule, rule.table, column, "content")
    if rule.unless_rows is None:
        return f"coalesce({test}, FALSE)"
    alike = f"count_if({test}) OVER (PARTITION BY content.{PLACE_KEY})"
    return f"coalesce({test} AND {alike} < {rule.unless_rows}, FALSE)"


def _test(
    contract: Contract, rule: Withheld, table: str, column: str, alias: str = "rows"
) -> str:
    known = {
        c.name for c in contract.table(table).columns if c.concept.zone == "content"
    }
    known |= {age.column for age in contract.table(table).ages}
    if column not in known:
        raise _wrong(
            rule, f"'{contract.id}.{table}' has no column '{column}' of content"
        )
    value = f"{alias}.{quoted(column)}"
    if rule.below is not None:
        return f"{value} < {rule.below}"
    return f"{value} IN ({', '.join(map(_literal, rule.is_))})"


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return literal(value)
    return str(value).upper()


def _link(contract: Contract, table: Table, other: str) -> tuple[str, str]:
    """Return the column by which another table refers to this one, and this one's."""
    for source in contract.tables:
        for column in source.columns:
            to = column.references or ""
            if source.name == other and to.startswith(f"{table.name}."):
                return column.name, to.rpartition(".")[2]
    raise ContractError(
        f"include/victims.yaml: '{contract.id}.{other}' refers to no "
        f"'{table.name}', so its rows tell nothing of places. Correct when"
    )


def _wrong(rule: Withheld, problem: str) -> ContractError:
    return ContractError(
        f"include/victims.yaml: {rule.place_of}: {problem}. Correct the rule"
    )


def check_victim_rules(
    profile: ReleaseProfile, contracts: Mapping[str, Contract]
) -> None:
    """Refuse rules of tables and columns that no contract has; raises ContractError."""
    for rule in _rules(profile):
        contract = contracts.get(rule.feed)
        tables = {t.name: t for t in contract.tables} if contract else {}
        if contract is None or rule.table not in tables:
            raise _wrong(rule, "is a table of no contract")
        if not tables[rule.table].has_place:
            raise _wrong(rule, "has no place")
        sources = dict.fromkeys(tables, "nowhere")
        withheld_sql(contract, tables[rule.table], profile, sources)
        if rule.follows is not None:
            feed, table, column = rule.follows.split(".")
            entity = _entity(contracts, feed, table, column)
            number = _entity(contracts, rule.feed, rule.table, rule.number or "")
            if entity is None or entity != number:
                raise _wrong(rule, f"'{rule.number}' and '{rule.follows}' never join")


def _rules(profile: ReleaseProfile) -> Iterator[Withheld]:
    for rule in profile.victim_rules.values():
        yield from rule.withhold


def _entity(
    contracts: Mapping[str, Contract], feed: str, table: str, column: str
) -> str | None:
    tables = contracts[feed].tables if feed in contracts else ()
    for found in tables:
        for one_column in found.columns:
            if (found.name, one_column.name) == (table, column):
                return one_column.entity
    return None


def withhold_followers(con: duckdb.DuckDBPyConnection, profile: ReleaseProfile) -> None:
    """Take the place of rows whose number is that of a row which lost its own.

    Raises:
        IntegrityError: A rule can't be carried out on the tables that were made.
    """
    for rule in _rules(profile):
        if rule.follows is None:
            continue
        feed, table, number = rule.follows.split(".")
        led, leading = quoted(f"{rule.feed}__{rule.table}"), quoted(f"{feed}__{table}")
        con.execute(
            f"UPDATE {led} SET {PLACE_TOKEN} = NULL, {PLACE_WITHHELD} = TRUE "
            f"WHERE {quoted(rule.number or '')} IN (SELECT {quoted(number)} "
            f"FROM {leading} WHERE {PLACE_WITHHELD})"
        )
        (left,) = one(
            con,
            f"SELECT count(*) FROM {led} WHERE {PLACE_WITHHELD} "
            f"AND {PLACE_TOKEN} IS NOT NULL",
        )
        if left:
            raise IntegrityError(
                f"{rule.place_of}: {left} places that a rule withholds are still there"
            )
