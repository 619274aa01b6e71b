"""Every real contract, suite, agreement, code list and profile is a test case."""

import json
from datetime import date
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry, read_codelist
from concord.curation.sql_files import read_tables
from concord.disclosure.histories import Shown
from concord.parsing.casting import sql_types
from concord.settings import PROJECT, Settings
from concord.transport.registry import read_spec
from concord.validation import suites
from concord.validation.compiler import compile_suite
from concord.validation.row_checks import TableRules
from tests.support.feeds import FEEDS

NIGHT = date(2026, 1, 5)
REGISTRY = load_registry(Settings())
CONTRACTS = [pytest.param(c, id=c.id) for c in REGISTRY.contracts.values()]
TABLES = [
    pytest.param(c, t, id=f"{c.id}.{t.name}")
    for c in REGISTRY.contracts.values()
    for t in c.tables
]
SUITES = sorted((PROJECT / "expectations").rglob("*.json"))
CODELISTS = sorted((PROJECT / "include" / "codelists").glob("*.csv"))


def test_the_feeds_are_there() -> None:
    assert set(REGISTRY.contracts) >= set(FEEDS), "a county may add its own"
    assert set(REGISTRY.profiles) == {"research", "limited", "school", "public"}
    assert REGISTRY.nightly == ["research"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_transport_fits_its_kind(contract) -> None:
    spec = read_spec(contract.id, contract.transport)
    assert set(spec.table_names) == {t.source for t in contract.tables}


@pytest.mark.parametrize("feed", FEEDS)
def test_agreements_of_the_synthetic_county_cover_its_first_night(feed) -> None:
    assert REGISTRY.agreement_of(REGISTRY.contract(feed)).in_force(NIGHT)


@pytest.mark.parametrize(("contract", "table"), TABLES)
def test_rules_of_contract_and_suite_compile(contract, table) -> None:
    rules = TableRules(contract, PROJECT / "expectations", NIGHT)
    compiled = rules.of(table)
    names = [rule.rule for rule in compiled.rules]
    required = {f"required:{c.name}" for c in table.columns if c.required}
    assert required <= set(names)
    assert len(names) == len(set(names))
    assert not compiled.native, "a rule outside the compiled set would cost a pass"


@pytest.mark.parametrize("path", SUITES, ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_suite_belongs_to_a_table_and_says_why(path: Path) -> None:
    body = json.loads(path.read_text())
    folder = path.parent.relative_to(PROJECT / "expectations")
    assert body["name"] == ".".join((*folder.parts, path.stem))
    for expectation in body["expectations"]:
        assert expectation["meta"]["why"].strip()
    if folder.parts[0] in ("curated", "public", "releases"):
        assert (PROJECT / "include/sql" / folder / f"{path.stem}.sql").is_file()
    else:
        contract = REGISTRY.contracts[path.parent.name]
        table = contract.table(path.stem)
        types = {**sql_types(table), "_row": "BIGINT"}
        compile_suite(suites.load_suite(path), types)


@pytest.mark.parametrize("path", CODELISTS, ids=lambda p: p.stem)
def test_code_list_is_read_and_used(path: Path) -> None:
    codelist = read_codelist(path)
    assert codelist.codes
    used = {
        c.codelist.name
        for contract in REGISTRY.contracts.values()
        for t in contract.tables
        for c in t.columns
        if c.codelist
    }
    assert path.stem in used


@pytest.mark.parametrize(("contract", "table"), TABLES)
def test_no_direct_identifier_goes_to_content(contract, table) -> None:
    for column in table.columns:
        if column.concept.identity == "direct":
            assert column.concept.zone in ("vault", "discard"), column.name
            assert column.classification == "restricted"


def test_every_person_concept_of_a_contract_has_a_place_in_the_vault() -> None:
    from concord.contracts.persons import PERSON_ATTRIBUTES
    from concord.validation.splitting import attribute

    for contract in REGISTRY.contracts.values():
        for table in contract.tables:
            if table.describes_persons:
                held = {
                    attribute(c) for c in table.columns if c.concept.zone == "vault"
                }
                assert held - {"source_id"} <= set(PERSON_ATTRIBUTES)


def test_a_state_id_is_the_number_that_fingerprints_gave_whoever_sends_it() -> None:
    """An agency's own number there would speak against every other agency's."""
    columns = {
        contract.id: column.description
        for contract in REGISTRY.contracts.values()
        for table in contract.tables
        for column in table.columns
        if column.concept.name == "person.state_id"
    }
    assert set(columns) == {"police_rms", "probation", "parole"}
    assert set(columns.values()) == {"State identification number (SID)."}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_is_one_that_other_tools_read(contract) -> None:
    """Against the JSON Schema that the standard's own package ships."""
    import jsonschema
    import open_data_contract_standard
    import yaml

    package = Path(open_data_contract_standard.__file__).parent
    schema = json.loads((package / "schema.json").read_text())
    path = PROJECT / "include" / "contracts" / f"{contract.id}.odcs.yaml"
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize("profile", REGISTRY.profiles.values(), ids=lambda p: p.id)
def test_sets_of_a_release_profile_are_of_columns_that_it_publishes(profile) -> None:
    tables = {
        table.name: table
        for table in read_tables(PROJECT / "include" / "sql" / "curated")
        if table.name in profile.tables
    }
    columns = {
        name: {column: about.type for column, about in table.about.columns.items()}
        for name, table in tables.items()
    }
    shown = Shown(columns, {name: table.about.key for name, table in tables.items()})
    for one in profile.risk.sets:
        assert shown.rows(one.id, one.table, (*one.quasi_identifiers, *one.sensitive))
