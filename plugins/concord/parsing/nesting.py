"""Nested documents into flat rows, as SQL made of a contract's paths."""

from concord.contracts.models import Table
from concord.contracts.paths import JsonPath, Pick, read_elements, read_path
from concord.duck import literal, quoted


def rows_sql(docs: str, table: Table) -> str:
    """Return the query of a table's rows: ``doc``, and of elements their place."""
    if table.each is None:
        return docs
    elements = read_elements(table.each)
    items = (
        _picked("doc", elements)
        if isinstance(elements, Pick)
        else f"json_extract(doc, {literal(f'$.{elements}')})"
    )
    return (
        f"SELECT unnest(items) AS doc, doc AS parent, generate_subscripts(items, 1) "
        f"AS number FROM (SELECT doc, {items} AS items FROM ({docs}))"
    )


def texts_sql(rows: str, table: Table) -> str:
    """Return the query of every column's text.

    All plain paths are followed in one go over the document, which is what costs.
    """
    paths = {c.name: read_path(c.source) for c in table.columns}
    plain = [n for n, p in paths.items() if not (p.of_parent or p.picks) and p.place]
    plain = [n for n in plain if not paths[n].is_number]
    listed = ", ".join(literal(f"$.{paths[name].place}") for name in plain)
    columns = {
        name: f"_texts[{plain.index(name) + 1}]" if name in plain else _text(path)
        for name, path in paths.items()
    }
    picked = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
    texts = f"json_extract_string(doc, [{listed}])" if plain else "NULL"
    return f"SELECT {picked} FROM (SELECT *, {texts} AS _texts FROM ({rows}))"


def _text(path: JsonPath) -> str:
    if path.is_number:
        return "CAST(number AS VARCHAR)"
    value = "parent" if path.of_parent else "doc"
    for pick in path.picks:
        value = f"{_picked(value, pick)}[1]"
    place = f"$.{path.place}" if path.place else "$"
    return f"json_extract_string({value}, {literal(place)})"


def _picked(value: str, pick: Pick) -> str:
    return (
        f"list_filter(json_extract({value}, {literal(f'$.{pick.items}[*]')}), "
        f"lambda e: json_extract_string(e, {literal(f'$.{pick.key}')}) "
        f"= {literal(pick.text)})"
    )
