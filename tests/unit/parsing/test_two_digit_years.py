"""A year of two digits means what the contract says, or the contract is refused."""

from datetime import date
from pathlib import Path

import pytest

from concord.contracts.models import Contract
from concord.contracts.reading import ContractReader
from concord.contracts.registry import load_registry
from concord.exceptions import ContractError
from concord.settings import Settings
from tests.unit.parsing.test_casting import typed

REGISTRY = load_registry(Settings())
PAROLE = Settings().include / "contracts" / "parole.odcs.yaml"
BORN = '{property: datetimeFormats, value: ["%Y%m%d"]}'
SHORT = '{property: datetimeFormats, value: ["%m/%d/%y"]}'
FROM = "{property: twoDigitYearsFrom, value: 1926}"


def parole(folder: Path, formats: str) -> Contract:
    """Return the parole contract with other formats of the birth date."""
    text = PAROLE.read_text("utf-8")
    assert text.count(BORN) == 1
    path = folder / "parole.odcs.yaml"
    path.write_text(text.replace(BORN, formats), "utf-8")
    return ContractReader(REGISTRY.concepts, REGISTRY.codelists).read(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03/07/84", date(1984, 3, 7)),
        ("03/07/26", date(1926, 3, 7)),
        ("03/07/25", date(2025, 3, 7)),
        ("02/29/00", date(2000, 2, 29)),
        ("02/29/01", None),
        ("13/07/84", None),
        ("03/07/1984", None),
    ],
)
def test_two_digits_are_a_year_of_the_contracts_hundred(
    tmp_path: Path, text: str, expected: date | None
) -> None:
    contract = parole(tmp_path, f"{SHORT}, {FROM}")
    value, fault = typed(contract, "person", "birth_date", text)
    assert (value, fault) == (expected, expected is None)


def test_29_february_of_a_century_without_one_is_no_date(tmp_path: Path) -> None:
    contract = parole(tmp_path, f"{SHORT}, {FROM.replace('1926', '1900')}")
    assert typed(contract, "person", "birth_date", "02/29/00") == (None, True)
    assert typed(contract, "person", "birth_date", "02/28/00")[0] == date(1900, 2, 28)


@pytest.mark.parametrize(
    "formats", [SHORT, f"{SHORT}, {FROM.replace('1926', '26')}", f"{BORN}, {FROM}"]
)
def test_a_contract_says_the_hundred_years_where_two_digits_are_read_and_only_there(
    tmp_path: Path, formats: str
) -> None:
    with pytest.raises(ContractError, match="twoDigitYearsFrom of 'birth_date'"):
        parole(tmp_path, formats)
