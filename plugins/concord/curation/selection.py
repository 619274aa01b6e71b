"""Which SQL a release profile needs, and which of its tables are published."""

from dataclasses import dataclass, replace
from pathlib import Path

from concord.contracts.models import ReleaseProfile
from concord.curation.profile_tables import tables_of
from concord.curation.sql_files import CuratedTable, read_tables, select_tables
from concord.exceptions import ConfigError


@dataclass(frozen=True)
class Selected:
    """The tables to make, in order, and those of them whose rows are looked at last."""

    made: tuple[CuratedTable, ...]
    published: tuple[CuratedTable, ...]


def select(include: Path, profile: ReleaseProfile) -> Selected:
    """Return what a profile publishes and all that this is made from.

    A profile of rows publishes tables of ``sql/curated``, or its own of their name; one
    of aggregates counts the rows of tables of ``sql/public``, which read those.

    Raises:
        ConfigError: The profile names a table that isn't there, or isn't of its kind.
    """
    curated = tables_of(include / "sql", profile)
    if profile.aggregates is None:
        tables = select_tables(curated, profile.tables)
        return Selected(tables, tables)
    public = select_tables(read_tables(include / "sql" / "public"), profile.tables)
    for table in public:
        if table.about.counts is None:
            raise ConfigError(
                f"{table.path.with_suffix('.yaml')}: does not say how persons are "
                "counted, and rows are never public. Describe counts"
            )
    named = {table.name for table in curated}
    needed = sorted({name for table in public for name in table.reads & named})
    return Selected((*select_tables(curated, needed), *public), public)


def as_published(table: CuratedTable) -> CuratedTable:
    """Return a table with the columns that are left of it once it is counted."""
    about = table.about
    if about.counts is None:
        return table
    columns = {name: about.columns[name] for name in about.key}
    return replace(table, about=about.model_copy(update={"columns": columns}))


def feeds_read(table: CuratedTable, made: tuple[CuratedTable, ...]) -> frozenset[str]:
    """Return every feed whose rows a table is made from, however indirectly."""
    by_name = {each.name: each for each in made}
    found: set[str] = set()
    left = [table]
    while left:
        for name in left.pop().reads:
            if name in by_name:
                left.append(by_name[name])
            elif "__" in name:
                found.add(name.partition("__")[0])
    return frozenset(found)
