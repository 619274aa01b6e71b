"""What, in the counts of a delivery's rules, puts the whole delivery in doubt."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import duckdb

from concord.contracts.models import Contract, Table
from concord.duck import count, quoted
from concord.exceptions import DeliveryHeld
from concord.landing.records import RuleCount, TableCount
from concord.validation.brakes import Brakes


def hold_if_from_elsewhere(feed: str, table: Table, rules: Iterable[RuleCount]) -> None:
    """Hold a file of which most rows bear another agency's code."""
    for rule in rules:
        seen = rule.elements - rule.missing
        if rule.rule.startswith("agency:") and 2 * rule.unexpected > seen:
            raise DeliveryHeld(
                "WRONG_AGENCY",
                feed=feed,
                detail=f"{table.name}: {rule.unexpected} of {seen} rows bear the code "
                f"of another agency in '{rule.columns}'",
                remedy="Tell both agencies at once: one's file may have gone to the "
                "other",
            )


def hold_if_mixed(
    con: duckdb.DuckDBPyConnection, contract: Contract, rows: Mapping[str, str]
) -> None:
    """Hold a delivery whose tables differ in what the contract gives one value.

    ``rows`` names the relation of each table's rows.
    """
    groups = defaultdict(list)
    for table in contract.tables:
        for column in table.columns:
            if column.one_value is not None:
                groups[column.one_value].append((table.name, column.name))
    for group, places in groups.items():
        values = " UNION ".join(
            f"SELECT {quoted(column)}::VARCHAR AS value FROM {rows[table]}"
            for table, column in places
        )
        found = count(con, f"(FROM ({values}) WHERE value IS NOT NULL)")
        if found > 1:
            where = ", ".join(f"{table}.{column}" for table, column in places)
            raise DeliveryHeld(
                "MIXED_DELIVERY",
                feed=contract.id,
                detail=f"{found} values in {where}, the contract says one ('{group}')",
                remedy="Ask the agency to export all tables at once and send them "
                "together",
            )


def hold_if_unknown(
    contract: Contract, table: Table, rules: Iterable[RuleCount], brakes: Brakes
) -> None:
    """Hold where so many codes are unknown that the code list must be wrong."""
    delivery = contract.delivery
    for rule in rules:
        seen = rule.elements - rule.missing
        if (
            rule.rule.startswith("code:")
            and rule.severity == "warning"
            and rule.unexpected >= delivery.min_bad_rows
            and rule.unexpected > delivery.max_unknown_share * seen
        ):
            brakes.pull(
                "UNKNOWN_CODES",
                f"code:{table.name}.{rule.columns}",
                f"{table.name}: {rule.unexpected} of {seen} codes in "
                f"'{rule.columns}' are not in the code list",
                "Ask the agency for its new codes; add them to include/codelists",
            )


def hold_if_too_bad(
    contract: Contract, counts: Iterable[TableCount], brakes: Brakes
) -> None:
    """Hold where more rows of a table failed than the contract allows."""
    delivery = contract.delivery
    limit = delivery.max_bad_share
    for c in counts:
        bad = c.quarantined + c.rejected
        # In a small table a few rows are a large share and mean nothing.
        if bad >= delivery.min_bad_rows and bad > limit * c.received:
            brakes.pull(
                "TOO_MANY_BAD_ROWS",
                f"bad-rows:{c.table_name}",
                f"{c.table_name}: {bad} of {c.received} rows failed, the contract "
                f"allows {limit:.0%}",
                "See the rules in the report; ask the agency for a new export",
            )
