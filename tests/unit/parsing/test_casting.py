"""Codes of a state's own namespace are read as the county's code lists have them."""

import duckdb
import pytest

from concord.contracts.reading import ContractReader
from concord.contracts.registry import load_registry
from concord.exceptions import ContractError
from concord.parsing.casting import castings
from concord.settings import Settings

SCHOOL = Settings().include / "contracts" / "school.odcs.yaml"
AT = "  - {property: nullTokens"
TEXAS = (
    '{"uri://tx.tea.org/": "uri://ed-fi.org/", "uri://k12.wa.us/": "uri://ed-fi.org/"}'
)


def school(tmp_path, namespaces):
    """Return the school's contract with namespaces, as a county would write it."""
    registry = load_registry(Settings())
    text = SCHOOL.read_text()
    line = f"  - {{property: namespaces, value: {namespaces}}}\n"
    path = tmp_path / "school.odcs.yaml"
    path.write_text(text.replace(AT, line + AT, 1))
    return ContractReader(registry.concepts, registry.codelists).read(path)


def typed(contract, table, column, text):
    """Return what a text of the agency's becomes."""
    (cast,) = (c for c in castings(contract.table(table)) if c.column.name == column)
    query = (
        f"SELECT {column}, {cast.fault or 'false'} FROM (SELECT *, {cast.typed} AS "
        f"{column} FROM (SELECT {cast.text} AS {cast.text_name} "
        f"FROM (SELECT ? AS {column})))"
    )
    with duckdb.connect() as con:
        return con.execute(query, [text]).fetchone()


@pytest.mark.parametrize("host", ["tx.tea.org", "k12.wa.us", "ed-fi.org"])
def test_a_descriptor_of_another_namespace_is_the_lists_own(tmp_path, host):
    contract = school(tmp_path, TEXAS)
    sex = typed(contract, "student", "birth_sex", f"uri://{host}/SexDescriptor#Male")
    assert sex == ("uri://ed-fi.org/SexDescriptor#Male", False)
    assert sex[0] in contract.table("student").column("birth_sex").codelist.codes
    state = f"uri://{host}/StateAbbreviationDescriptor#TX"
    assert typed(contract, "student_demographics", "state", state) == ("TX", False)


def test_a_namespace_that_the_contract_does_not_name_stays_unknown(tmp_path):
    contract = school(tmp_path, TEXAS)
    strange = "uri://tx.tea.org.example/SexDescriptor#Male"
    assert typed(contract, "student", "birth_sex", strange) == (strange, False)
    state = "uri://other/StateAbbreviationDescriptor#TX"
    assert typed(contract, "student_demographics", "state", state) == (None, True)


def test_other_texts_are_never_touched(tmp_path):
    contract = school(tmp_path, TEXAS)
    name = "uri://tx.tea.org/Smith"
    assert typed(contract, "student", "last_name", name) == (name, False)


@pytest.mark.parametrize(
    "namespaces", ["uri://a/", '{"uri://a": "uri://b/"}', "{1: 2}"]
)
def test_namespaces_that_are_none_are_refused(tmp_path, namespaces):
    with pytest.raises(ContractError, match="not one beginning for another"):
        school(tmp_path, namespaces)
