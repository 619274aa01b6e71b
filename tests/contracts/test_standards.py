"""Each standard refuses a profile that lets out more, and says what to do."""

import pytest

from concord.contracts.concept_actions import ConceptAction
from concord.contracts.models import ReleaseProfile
from concord.contracts.profile_checks import profile_problems, with_victim_rules
from concord.contracts.references import read_references
from concord.contracts.victims import VictimRules, read_victims
from concord.contracts.yaml_lines import Document, parse
from concord.exceptions import ContractError
from concord.settings import Settings
from tests.support.deidentified import registry

KEEP = ConceptAction(action="keep")
VAULT_ONLY = ConceptAction(action="vault_only")
MONTH = ConceptAction(action="generalise_date", unit="month")
WEEK = ConceptAction(action="generalise_date", unit="week")
DAY = ConceptAction(action="generalise_date", unit="day")
RULES = read_victims(Settings().include / "victims.yaml")


def check(profile: ReleaseProfile, **agreements: object) -> None:
    known = registry()
    agreed = {**known.agreements, **agreements}
    for _, problem, remedy in profile_problems(
        profile, known.concepts, known.contracts, agreed
    ):
        raise ContractError(f"{profile.id}.yaml: {problem}. {remedy}")


def with_actions(name: str, **actions: ConceptAction) -> ReleaseProfile:
    profile = registry().profile(name)
    changed = {key.replace("__", "."): action for key, action in actions.items()}
    return profile.model_copy(update={"concepts": {**profile.concepts, **changed}})


@pytest.mark.parametrize("name", ["research", "limited", "school"])
def test_the_county_s_profiles_hold_their_standards(name: str):
    check(registry().profile(name))


@pytest.mark.parametrize(
    ("name", "concept", "action", "problem"),
    [
        ("research", "event.date", MONTH, "given to the month.* than Safe Harbor"),
        ("research", "event.date", WEEK, "given to the week"),
        ("research", "event.date", KEEP, "kept to the day"),
        ("research", "person.zip", KEEP, "'person.zip' is kept"),
        ("research", "place.city", KEEP, "'place.city' is kept"),
        ("research", "place.beat", KEEP, "'place.beat' is kept"),
        ("limited", "place.street", KEEP, "identifies a person"),
        ("limited", "person.ssn", KEEP, "identifies a person"),
        ("limited", "place.beat", KEEP, "more than a limited data set"),
        ("school", "event.date", WEEK, "given to the week.* than FERPA"),
        ("school", "person.zip", KEEP, "'person.zip' is kept"),
        ("school", "person.email", KEEP, "identifies a person"),
        ("school", "text.narrative", KEEP, "free text"),
        ("school", "event.code", VAULT_ONLY, "not in the vault"),
    ],
)  # fmt: skip
def test_more_than_the_standard_lets_out_is_refused(
    name: str, concept: str, action: ConceptAction, problem: str
):
    changed = with_actions(name, **{concept.replace(".", "__"): action})

    with pytest.raises(ContractError, match=rf"{name}\.yaml: .*{problem}"):
        check(changed)


def test_a_standard_lets_out_what_it_may():
    check(with_actions("limited", event__date=DAY, place__city=KEEP, place__zip=KEEP))
    check(with_actions("school", event__date=MONTH))


def test_one_column_is_held_to_the_standard_as_its_concept_is():
    profile = registry().profile("research")
    columns = {"police_rms.arrest.arrest_date": MONTH}

    with pytest.raises(ContractError, match=r"'police_rms\.arrest\.arrest_date' is"):
        check(profile.model_copy(update={"columns": columns}))
    with pytest.raises(ContractError, match="is no concept"):
        check(profile.model_copy(update={"columns": {"police_rms.arrest.x": KEEP}}))


@pytest.mark.parametrize(
    ("name", "agreement", "standard"),
    [
        ("limited", "stmary-2025", "limited_data_set"),
        ("school", "schools-2025", "ferpa"),
    ],
)
def test_no_row_of_an_agency_that_has_not_agreed(name, agreement, standard):
    given = registry().agreements[agreement]
    profile = registry().profile(name)
    permit = given.permits[standard]

    def amended(**changes):
        permits = {standard: permit.model_copy(update=changes)}
        return given.model_copy(update={"permits": permits})

    without = given.model_copy(update={"permits": {}})
    with pytest.raises(ContractError, match=f"agreement '{agreement}' .* not permit"):
        check(profile, **{agreement: without})
    other = "audit" if name == "limited" else "research"
    with pytest.raises(ContractError, match=f"{agreement}.yaml permits .*'{other}'"):
        check(profile, **{agreement: amended(purpose=other)})
    promises = tuple(p for p in permit.recipient_may_not if p != "identify")
    with pytest.raises(ContractError, match="without recipientMayNot: identify"):
        check(profile, **{agreement: amended(recipient_may_not=promises)})


def test_school_records_stand_beside_no_law_enforcement_and_in_groups_of_ten():
    school = registry().profile("school")
    agreement = registry().agreements["spd-2025"]
    permitted = agreement.model_copy(
        update={"permits": registry().agreements["schools-2025"].permits}
    )
    police = registry().profile("research").concepts
    both = school.model_copy(
        update={
            "feeds": ("school", "police_rms"),
            "concepts": {**police, **school.concepts},
        }
    )

    with pytest.raises(ContractError, match="police_rms would stand beside"):
        check(both, **{"spd-2025": permitted})
    few = school.k_anonymity.model_copy(update={"k": 9})
    with pytest.raises(ContractError, match="groups of 10 or more"):
        check(school.model_copy(update={"k_anonymity": few}))


def test_a_profile_that_tells_places_follows_every_victim_rule():
    limited = (
        registry()
        .profile("limited")
        .model_copy(update={"victims": ("domestic",), "victim_rules": {}})
    )

    with pytest.raises(ContractError, match="victims lacks home, juvenile, same_event"):
        with_victim_rules(limited, RULES)
    unknown = limited.model_copy(update={"victims": ("domestik",)})
    with pytest.raises(ContractError, match=r"'domestik' is no rule .* There are: dom"):
        with_victim_rules(unknown, RULES)


def test_a_feed_that_has_no_contract_and_half_a_point_are_refused():
    limited = registry().profile("limited")

    with pytest.raises(ContractError, match="feed 'jail' has no contract"):
        check(limited.model_copy(update={"feeds": ("jail",)}))
    snap = ConceptAction(action="snap", grid="h3:7", minimum=1500, population="x")
    with pytest.raises(ContractError, match="make one area"):
        check(with_actions("limited", place__latitude=snap))


def test_an_action_takes_only_what_belongs_to_it():
    with pytest.raises(ValueError, match="'keep' takes no 'unit'"):
        ConceptAction(action="keep", unit="year")
    with pytest.raises(ValueError, match="'zip3' takes no 'top'"):
        ConceptAction(action="zip3", top=90)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{placeOf: a.b, when: c}", "needs when with is or below"),
        ("{placeOf: a.b, when: c, is: [x], below: 3}", "needs when with is or below"),
        ("{placeOf: a.b, number: n}", "needs when with is or below"),
        ("{placeOf: a, when: c, is: [x]}", "should match pattern"),
        ("{placeOf: a.b, when: c, is: [x], unles: 3}", "unles"),
    ],
)
def test_a_victim_rule_that_says_half_is_refused(tmp_path, rule: str, problem: str):
    path = tmp_path / "victims.yaml"
    path.write_text(
        "kind: VictimRules\nrules:\n  some:\n    why: for a good reason\n"
        f"    withhold:\n      - {rule}\n"
    )

    with pytest.raises(ContractError, match=rf"victims\.yaml:\d+: .*{problem}"):
        parse(Document(path), VictimRules)


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("groups/a.csv", "code,grp\n", r"a\.csv:1: the columns are not code,group"),
        ("groups/a.csv", "code,group\nx\n", r"a\.csv:2: not two values"),
        ("groups/a.csv", "code,group\nx,y\nx,z\n", r"a\.csv:3: 'x' twice"),
        (
            "reference/population_a.csv",
            "area,population\n17,some\n",
            r"population_a\.csv:2: 'some' is no number of people",
        ),
    ],
)
def test_a_reference_table_that_is_wrong_is_refused(tmp_path, file, text, problem):
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(text)

    with pytest.raises(ContractError, match=problem):
        read_references(tmp_path)
