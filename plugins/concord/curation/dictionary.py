"""The data dictionary: where each published column is from, what was done to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape

from concord.contracts.models import ConceptAction, ReleaseProfile
from concord.contracts.registry import Registry
from concord.curation.origins import concepts_of
from concord.curation.sql_files import CuratedColumn, CuratedTable, select_tables
from concord.deidentification.content_columns import PERSON
from concord.deidentification.descriptions import described
from concord.exceptions import ConfigError


@dataclass(frozen=True)
class DictionaryColumn:
    """What an analyst needs to know of a column."""

    name: str
    type: str
    description: str
    key: bool
    sources: tuple[str, ...]
    treatment: str


@dataclass(frozen=True)
class DictionaryTable:
    """What an analyst needs to know of a table."""

    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    owner: str
    disclosure: str
    columns: tuple[DictionaryColumn, ...]


@dataclass(frozen=True)
class Dictionary:
    """The data dictionary of one release profile."""

    profile: str
    title: str
    audience: str
    basis: str
    tables: tuple[DictionaryTable, ...]


def build_dictionary(
    tables: Sequence[CuratedTable], registry: Registry, profile: ReleaseProfile
) -> Dictionary:
    """Put descriptions, contracts and profile together; tables in the profile's order.

    Raises:
        ConfigError: The profile names no curated table, or a column is said to come
            from one that no contract has or that the profile drops.
    """
    by_name = {table.name: table for table in select_tables(tables, profile.tables)}
    return Dictionary(
        profile=profile.id,
        title=profile.title,
        audience=profile.audience,
        basis=profile.basis,
        tables=tuple(
            _table(by_name[name], registry, profile) for name in profile.tables
        ),
    )


def _table(
    table: CuratedTable, registry: Registry, profile: ReleaseProfile
) -> DictionaryTable:
    about = table.about
    return DictionaryTable(
        name=table.name,
        description=about.description,
        grain=about.grain,
        key=about.key,
        owner=about.owner,
        disclosure=about.disclosure,
        columns=tuple(
            _column(
                f"{table.path.with_suffix('.yaml')}: '{name}'",
                name,
                column,
                name in about.key,
                registry,
                profile,
            )
            for name, column in {**about.columns, **about.added}.items()
        ),
    )


def _column(
    where: str,
    name: str,
    column: CuratedColumn,
    is_key: bool,
    registry: Registry,
    profile: ReleaseProfile,
) -> DictionaryColumn:
    concepts = concepts_of(where, column, registry)
    found = {
        (concept, profile.action_of(concept, source))
        for source, concept in concepts.items()
    }
    in_order = sorted(found, key=lambda pair: (pair[0], pair[1].action))
    done = [_done(where, concept, action, profile) for concept, action in in_order]
    if column.derived is not None:
        done.append(column.derived)
    return DictionaryColumn(
        name=name,
        type=column.type,
        description=column.description,
        key=is_key,
        sources=tuple(concepts),
        treatment=" ".join(done),
    )


def _done(
    where: str, concept: str, action: ConceptAction, profile: ReleaseProfile
) -> str:
    if not action.leaves:
        raise ConfigError(
            f"{where} comes from '{concept}', which release profile '{profile.id}' "
            "drops. Take the column out, or say in the profile what may leave"
        )
    if concept == PERSON:
        return "Replaced by the token of the person whom linkage found."
    return described(action)


def to_json(dictionary: Dictionary) -> str:
    """Write the dictionary for programs."""
    return json.dumps(asdict(dictionary), indent=2, ensure_ascii=False) + "\n"


def to_markdown(dictionary: Dictionary) -> str:
    """Write the dictionary for people who read text."""
    lines = [
        f"# {dictionary.title}: data dictionary",
        "",
        f"For: {dictionary.audience}. Basis: {dictionary.basis}.",
    ]
    for table in dictionary.tables:
        lines += [
            "",
            f"## {table.name}",
            "",
            table.description,
            "",
            f"- Grain: {table.grain}",
            f"- Key: {', '.join(table.key)}",
            f"- Owner: {table.owner}",
            f"- Disclosure: {table.disclosure}",
            "",
            "| column | type | description | from | what was done to it |",
            "|---|---|---|---|---|",
        ]
        lines += [
            "| " + " | ".join(map(_cell, _row(column))) + " |"
            for column in table.columns
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _row(column: DictionaryColumn) -> tuple[str, str, str, str, str]:
    sources = ", ".join(column.sources)
    return column.name, column.type, column.description, sources, column.treatment


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
dt { font-weight: 600; } dd { margin: 0 0 .3rem; }
"""
HEADINGS = ("column", "type", "description", "from", "what was done to it")


def to_html(dictionary: Dictionary) -> str:
    """Write the dictionary for a browser: one page that loads nothing else."""
    title = escape(f"{dictionary.title}: data dictionary")
    links = "".join(
        f'<li><a href="#{escape(t.name)}">{escape(t.name)}</a></li>'
        for t in dictionary.tables
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p>For: {escape(dictionary.audience)}. "
        f"Basis: {escape(dictionary.basis)}.</p>\n"
        f'<nav aria-label="Tables"><ul>{links}</ul></nav>\n'
        + "".join(_section(table) for table in dictionary.tables)
        + "</body>\n</html>\n"
    )


def _section(table: DictionaryTable) -> str:
    facts = {
        "Grain": table.grain,
        "Key": ", ".join(table.key),
        "Owner": table.owner,
        "Disclosure": table.disclosure,
    }
    terms = "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    head = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in _row(column)) + "</tr>"
        for column in table.columns
    )
    return (
        f'<section id="{escape(table.name)}">\n<h2>{escape(table.name)}</h2>\n'
        f"<p>{escape(table.description)}</p>\n<dl>{terms}</dl>\n"
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n"
        "</table>\n</section>\n"
    )
