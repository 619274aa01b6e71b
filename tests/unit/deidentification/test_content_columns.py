import pyarrow as pa
import pytest

from concord.contracts.odcs import LogicalType
from concord.deidentification.content_columns import (
    ARROW_TYPES,
    check_content,
    content_columns,
    empty_content,
    entities,
    is_of,
)
from concord.deidentification.tokens import check_prefixes
from tests.support.deidentified import registry


def test_every_entity_of_every_contract_has_its_own_letters():
    named = {e for c in registry().contracts.values() for e in entities(c)}

    check_prefixes(named | {"person", "place"})
    assert "incident" in named


def test_content_has_no_column_of_the_vault_or_the_discarded():
    for contract in registry().contracts.values():
        for table in contract.tables:
            hidden = {c.name for c in table.columns if c.concept.zone != "content"}
            assert hidden.isdisjoint(c.name for c in content_columns(table))


def test_a_row_about_a_person_has_a_record_key_and_one_at_an_address_a_place_key():
    police = registry().contract("police_rms")

    names = {t.name: [c.name for c in content_columns(t)] for t in police.tables}

    assert {name for name in names if "record_key" in names[name]} == {
        "person",
        "involvement",
        "arrest",
    }
    assert {name for name in names if "place_key" in names[name]} == {"incident"}
    assert names["involvement"][-1] == "age_at_incident"


def test_empty_content_is_what_the_contract_says():
    for contract in registry().contracts.values():
        check_content(contract, empty_content(contract))


@pytest.mark.parametrize("kind", ARROW_TYPES)
def test_each_type_of_the_contract_has_one_kind_of_arrow_type(kind: LogicalType):
    accepted = [other for other in ARROW_TYPES.values() if is_of(kind, other)]

    assert accepted == [ARROW_TYPES[kind]]
    assert is_of(kind, pa.dictionary(pa.int32(), ARROW_TYPES[kind]))
    assert not is_of(kind, pa.null())
