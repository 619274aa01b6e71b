"""A configuration that is wrong is refused with file, line, value and remedy."""

import re
from pathlib import Path

import pytest

from concord.contracts.registry import load_registry
from concord.exceptions import ContractError
from concord.settings import Settings

CONTRACT = "include/contracts/probation.odcs.yaml"
PROFILE = "include/releases/research.yaml"
AGREEMENT = "include/agreements/probation-2025.yaml"

BREAKS = [
    pytest.param(
        CONTRACT,
        "status: active",
        "statuss: active",
        r"probation\.odcs\.yaml:\d+: "
        r"status",
        id="misspelt-key",
    ),
    pytest.param(
        CONTRACT,
        "status: active",
        "status: alive",
        r":\d+: status: .*got 'alive'",
        id="value-not-allowed",
    ),
    pytest.param(
        CONTRACT,
        "value: person.ssn}",
        "value: person.sssn}",
        r":\d+: unknown concept 'person\.sssn'",
        id="unknown-concept",
    ),
    pytest.param(
        CONTRACT,
        "{property: concept, value: person.ssn}",
        "{property: entity, value: x}",
        r"column 'ssn' has no concept",
        id="no-concept",
    ),
    pytest.param(
        CONTRACT,
        '"sex_words"',
        '"sex_word"',
        r"code list 'sex_word' does not exist\. "
        r"Add include/codelists/sex_word\.csv with code,value,description",
        id="missing-code-list",
    ),
    pytest.param(
        CONTRACT,
        '{name: last_name, physicalName: "name.last", logicalType: string, ',
        '{name: last_name, physicalName: "name.last", logicalType: string, '
        "primaryKey: true, primaryKeyPosition: 2, ",
        r":\d+: a row of 'person' is not one person: its key is another\. Describe",
        id="persons-in-a-table-of-events",
    ),
    pytest.param(
        CONTRACT,
        "value: probation-2025",
        "value: probation-2024",
        r"agreement 'probation-2024' does not exist",
        id="missing-agreement",
    ),
    pytest.param(
        CONTRACT,
        "id: probation\n",
        "id: parole\n",
        r":\d+: id 'parole' differs",
        id="id-is-not-file-name",
    ),
    pytest.param(
        CONTRACT,
        "{to: person.person_id}",
        "{to: persons.person_id}",
        r"refers to unknown 'persons\.person_id'",
        id="unknown-reference",
    ),
    pytest.param(
        CONTRACT,
        "property: sector",
        "property: secter",
        r"unknown custom property 'secter'",
        id="unknown-custom-property",
    ),
    pytest.param(
        CONTRACT,
        '"deleteMode": "snapshot_absence"',
        '"deleteMode": "tombstone"',
        r"cannot say what was deleted",
        id="delete-mode-without-means",
    ),
    pytest.param(
        CONTRACT,
        "property: records,",
        "property: member,",
        r":\d+: .* names the member .* but the delivery is no zip",
        id="member-without-zip",
    ),
    pytest.param(
        CONTRACT,
        'physicalName: "birth_date"',
        'physicalName: "birth date"',
        r":\d+: 'person': 'birth date' is no path",
        id="path-that-is-none",
    ),
    pytest.param(
        CONTRACT,
        'physicalName: "birth_date"',
        'physicalName: "^.birth_date"',
        r"'\^\.birth_date' is for tables with each",
        id="path-of-a-record-around-nothing",
    ),
    pytest.param(
        CONTRACT,
        "{property: records,",
        "{property: each, value: races}\n      - {property: records,",
        r":\d+: 'person': 'races' names no list",
        id="each-that-is-no-list",
    ),
    pytest.param(
        "include/contracts/school.odcs.yaml",
        "      - {property: deletes, value:",
        "      - {property: each, value: 'races[*]'}\n"
        "      - {property: deletes, value:",
        r"an increment cannot say which elements are gone",
        id="each-in-an-increment",
    ),
    pytest.param(
        CONTRACT,
        '"format": "json"',
        '"format": "json", "trailer": "END"',
        r"delivery\.trailer: .*needs one group",
        id="trailer-without-a-number",
    ),
    pytest.param(
        CONTRACT,
        "name: level, physicalName",
        "name: gang_level, physicalName",
        r"probation\.odcs\.yaml:\d+: 'supervision_period\.gang_level' is criminal "
        r"intelligence \('gang'\): 28 CFR 23\.20 .* Remove the column",
        id="gang",
    ),
    pytest.param(
        CONTRACT,
        "Supervision level.",
        "Religious belief.",
        r"criminal intelligence \('religious'\): 28 CFR 23\.20",
        id="religion-by-description",
    ),
    pytest.param(
        CONTRACT,
        'physicalName: "level"',
        'physicalName: "knownAssociates"',
        r"criminal intelligence \('associates'\): 28 CFR 23\.20",
        id="associates-by-the-agencys-name",
    ),
    pytest.param(
        CONTRACT,
        'physicalName: "level"',
        'physicalName: "politicalParty"',
        r"criminal intelligence \('political'\): 28 CFR 23\.20",
        id="politics",
    ),
    pytest.param(
        AGREEMENT,
        "  - person.ssn\n",
        "",
        r"agreement 'probation-2025' does not permit",
        id="column-not-permitted",
    ),
    pytest.param(
        AGREEMENT,
        "feeds: [probation]",
        "feeds: [parole]",
        r"does not name feed 'probation'",
        id="feed-not-named",
    ),
    pytest.param(
        AGREEMENT,
        "minimumCell: 11",
        "minimumCell: 3",
        r":\d+: minimumCell: .*got 3",
        id="minimum-below-five",
    ),
    pytest.param(
        AGREEMENT,
        "minimumCell: 11",
        "minimumCell: 20",
        r"k is 11, but .* asks for 20",
        id="k-below-agreement",
    ),
    pytest.param(
        PROFILE,
        "limits: {k: 11}",
        "limits: {k: 10}",
        r"k is 10, but .* asks for 11",
        id="k-of-a-set-below-agreement",
    ),
    pytest.param(
        PROFILE,
        "  joined: {}",
        "  joined: {k: 10}",
        r":\d+: k is 10, but .* asks for 11",
        id="k-of-all-sets-below-agreement",
    ),
    pytest.param(
        PROFILE,
        "limits: {k: 11}",
        "limits: {j: 11}",
        r":\d+: risk\.sets\.0\.limits\.j: ",
        id="unknown-limit",
    ),
    pytest.param(
        PROFILE,
        "risk:\n  sets:\n",
        "  coarser: {sex: {groups: {any: [F, M]}}}\nrisk:\n  sets:\n"
        "    - {id: a, quasiIdentifiers: [sex], population: a.csv}\n",
        r"set 'a' is compared with a population, but 'sex' is made coarser",
        id="population-of-coarse-values",
    ),
    pytest.param(
        PROFILE,
        "  person.ssn: {action: drop}\n",
        "",
        r"'person\.ssn' .* has no action",
        id="identifier-without-action",
    ),
    pytest.param(
        PROFILE,
        "person.ssn: {action: drop}",
        "person.ssn: {action: keep}",
        r"'person\.ssn' identifies a person but its action is 'keep'",
        id="identifier-kept",
    ),
    pytest.param(
        PROFILE,
        "text.narrative: {action: drop}",
        "text.narrative: {action: keep}",
        r"'text\.narrative' is free text",
        id="free-text-kept",
    ),
    pytest.param(
        PROFILE,
        "person.sex: {action: keep}",
        "person.gender: {action: keep}",
        r"person\.(gender|sex)",
        id="unknown-concept-in-profile",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), BREAKS)
def test_broken_file_is_refused(
    project: Path, settings: Settings, file: str, old: str, new: str, message: str
) -> None:
    path = project / file
    text = path.read_text()
    assert old in text, "the fixture breaks nothing"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError) as refusal:
        load_registry(settings)
    assert re.search(message, str(refusal.value)), str(refusal.value)


def test_an_event_of_nobody_s_person_table_is_refused(
    project: Path, settings: Settings
) -> None:
    """A feed without persons is fine; one that points to some must have them."""
    path = project / CONTRACT
    head, _, rest = path.read_text().partition("  - name: person\n")
    _, _, events = rest.partition("  - name: supervision_period\n")
    kept = f"{head}  - name: supervision_period\n{events}"
    path.write_text(kept.replace(" relationships: [{to: person.person_id}],", ""))
    with pytest.raises(
        ContractError,
        match=r":\d+: 'person_id' refers to a person, but the feed has no",
    ):
        load_registry(settings)


def test_missing_suite_is_refused(project: Path, settings: Settings) -> None:
    (project / "expectations/school/student.json").unlink()
    with pytest.raises(ContractError, match="table 'student' has no suite"):
        load_registry(settings)


def test_repeated_code_is_refused(project: Path, settings: Settings) -> None:
    path = project / "include/codelists/sex_words.csv"
    path.write_text(path.read_text() + "Male,M,Male again\n")
    with pytest.raises(ContractError, match=r"sex_words\.csv:5: code 'Male' twice"):
        load_registry(settings)


def test_yaml_that_is_none_is_refused(project: Path, settings: Settings) -> None:
    (project / CONTRACT).write_text("a: [1,\n")
    with pytest.raises(ContractError, match="not valid YAML"):
        load_registry(settings)


def test_identifier_with_a_low_classification_is_refused(
    project: Path, settings: Settings
) -> None:
    path = project / CONTRACT
    text = path.read_text()
    at = text.index("name: ssn")
    start = text.index("classification: restricted", at)
    path.write_text(text[:start] + text[start:].replace("restricted", "internal", 1))
    with pytest.raises(ContractError, match="'ssn' identifies a person but"):
        load_registry(settings)
