"""Whether a contract's notices of deletions and changed keys can be acted upon."""

from collections.abc import Iterator

from concord.contracts.models import Table

Problem = tuple[str, str]
"""What is wrong with a table's notices, and what to do about it."""


def notice_problems(table: Table) -> Iterator[Problem]:
    """Yield what makes a table's notices unusable."""
    yield from _key_change_problems(table)
    yield from _deletion_problems(table)


def _key_change_problems(table: Table) -> Iterator[Problem]:
    changed = table.key_changes.key if table.key_changes else {}
    if not changed:
        return
    if set(changed) != {column.name for column in table.key}:
        yield (
            f"keyChanges of '{table.name}' names {', '.join(sorted(changed))}",
            "Name every column of the primary key and no other",
        )
    for column in table.key:
        if column.codelist or column.strip_prefix:
            yield (
                f"'{column.name}' is translated, so its changes cannot be followed",
                "Make the resource's id the key and leave keyChanges out",
            )


def _deletion_problems(table: Table) -> Iterator[Problem]:
    """Notices name rows by their key, or by columns that every kept row has."""
    named = table.deletes.key if table.deletes else {}
    if set(named) == {column.name for column in table.key}:
        for column in table.key:
            if column.codelist:
                yield (
                    f"deletes of '{table.name}' names '{column.name}', which is "
                    "translated, so its row cannot be found",
                    "Name a column that holds the agency's id instead",
                )
        return
    columns = {column.name: column for column in table.columns}
    for name in named:
        if (found := columns.get(name)) is None:
            yield (
                f"deletes of '{table.name}' names '{name}', which is no column",
                "Name the primary key, or the column that holds the agency's id",
            )
        elif found.concept.zone != "content" or found.codelist:
            yield (
                f"deletes of '{table.name}' names '{name}', whose values as they came "
                "are not kept",
                "Give the column of the agency's id the concept technical.key",
            )
        elif not found.required:
            yield (
                f"deletes of '{table.name}' names '{name}', which a row may lack",
                "Make the column required, or name the primary key",
            )
