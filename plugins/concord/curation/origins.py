"""Where a published column comes from: columns of contracts, and their concepts."""

from concord.contracts.models import Contract
from concord.contracts.registry import Registry
from concord.curation.sql_files import CuratedColumn
from concord.deidentification.content_columns import AGE
from concord.exceptions import ConfigError


def concepts_of(
    where: str, column: CuratedColumn, registry: Registry
) -> dict[str, str]:
    """Return every contract column that a published one comes from, with its concept.

    Raises:
        ConfigError: No contract has what the description names.
    """
    concepts = {source: _concept(where, source, registry) for source in column.from_}
    if column.concept is not None:
        concepts |= _with_concept(where, column.concept, registry)
    return concepts


def _concept(where: str, source: str, registry: Registry) -> str:
    """Return the concept of ``feed.table.column``, be it sent or derived."""
    feed, _, rest = source.partition(".")
    contract = registry.contracts.get(feed)
    for table_column, concept in _columns(contract) if contract else ():
        if table_column == rest:
            return concept
    raise ConfigError(
        f"{where} comes from '{source}', which no contract has. Correct it"
    )


def _columns(contract: Contract) -> list[tuple[str, str]]:
    """Return ``table.column`` and concept of everything that a contract gives."""
    sent = [
        (f"{table.name}.{column.name}", column.concept.name)
        for table in contract.tables
        for column in table.columns
    ]
    derived = [
        (f"{table.name}.{age.column}", AGE)
        for table in contract.tables
        for age in table.ages
    ]
    return sent + derived


def _with_concept(where: str, concept: str, registry: Registry) -> dict[str, str]:
    """Return every contract column of a concept."""
    found = {
        f"{feed}.{table_column}": concept
        for feed, contract in sorted(registry.contracts.items())
        for table_column, named in _columns(contract)
        if named == concept
    }
    if not found:
        raise ConfigError(
            f"{where} is of concept '{concept}', which no contract has. Correct it"
        )
    return found
