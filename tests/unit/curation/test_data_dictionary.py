import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from concord.contracts.models import ConceptAction, ReleaseProfile
from concord.curation.dictionary import (
    Dictionary,
    DictionaryColumn,
    DictionaryTable,
    build_dictionary,
    to_html,
    to_json,
    to_markdown,
)
from concord.curation.sql_files import (
    CuratedColumn,
    CuratedTable,
    Description,
    read_tables,
)
from concord.exceptions import ConfigError
from concord.settings import Settings
from tests.support.deidentified import registry

TABLES = read_tables(Settings().include / "sql" / "curated")
ODD = Dictionary(
    profile="research",
    title="<b>Title</b>",
    audience="A & B",
    basis="Basis",
    tables=(
        DictionaryTable(
            name="fig",
            description="A <table>.",
            grain="One row a fig.",
            key=("a",),
            owner="Owner",
            disclosure="None",
            columns=(
                DictionaryColumn("a", "VARCHAR", "x | y", True, ("f.t.a",), "Kept."),
            ),
        ),
    ),
)


def profile(**actions: ConceptAction) -> ReleaseProfile:
    research = registry().profile("research")
    changed = {name.replace("__", "."): action for name, action in actions.items()}
    return research.model_copy(update={"concepts": {**research.concepts, **changed}})


def columns(table: str) -> dict[str, DictionaryColumn]:
    dictionary = build_dictionary(TABLES, registry(), profile())
    found = next(t for t in dictionary.tables if t.name == table)
    return {column.name: column for column in found.columns}


def test_every_published_table_and_column_is_in_the_dictionary():
    dictionary = build_dictionary(TABLES, registry(), profile())

    assert [table.name for table in dictionary.tables] == list(profile().tables)
    by_name = {table.name: table for table in TABLES}
    for table in dictionary.tables:
        about = by_name[table.name].about
        names = [column.name for column in table.columns]
        assert names == [*about.columns, *about.added]
        assert [c.name for c in table.columns if c.key] == list(about.key)
        assert all(column.treatment for column in table.columns)


def test_a_column_says_where_it_is_from_and_what_was_done_to_it():
    assert columns("incident")["occurred_on"] == DictionaryColumn(
        name="occurred_on",
        type="DATE",
        description="When it happened.",
        key=False,
        sources=("police_rms.incident.occurred_at",),
        treatment="Reduced to the first day of its year.",
    )
    arrest = columns("arrest")
    assert arrest["age_at_arrest"].treatment.startswith("Reduced to bands: 0-11, 12-14")
    assert arrest["person_token"].treatment == (
        "Replaced by the token of the person whom linkage found."
    )
    person = columns("person")
    assert person["race"].sources == (
        "hospital.patient.race",
        "parole.person.race",
        "police_rms.person.race",
        "probation.person.race",
        "school.student_demographics.race",
    )
    assert person["birth_decade"].treatment == (
        "Reduced to the year; one year for everybody of 90 or more. "
        "Year of birth, coarsened to its decade."
    )
    assert "disclosure_state" in person


def test_what_was_done_follows_the_profile():
    by_month = profile(
        event__time=ConceptAction(action="generalise_date", unit="month")
    )

    dictionary = build_dictionary(TABLES, registry(), by_month)

    incident = next(t for t in dictionary.tables if t.name == "incident")
    occurred = next(c for c in incident.columns if c.name == "occurred_on")
    assert occurred.treatment == "Reduced to the first day of its month."


def test_a_column_of_something_that_the_profile_drops_is_refused():
    dropped = profile(event__time=ConceptAction(action="drop"))

    with pytest.raises(
        ConfigError, match=r"incident\.yaml: 'occurred_on' comes from 'event\.time', wh"
    ):
        build_dictionary(TABLES, registry(), dropped)


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        (
            {"from": ["police_rms.incident.weather"]},
            "'police_rms.incident.weather', wh",
        ),
        (
            {"from": ["fire.call.at"]},
            "comes from 'fire.call.at', which no contract has",
        ),
        ({"concept": "person.shoe_size"}, "of concept 'person.shoe_size', which no"),
    ],
)
def test_a_column_from_nowhere_is_refused(origin: dict[str, object], problem: str):
    column = CuratedColumn.model_validate(
        {"type": "VARCHAR", "description": "Of a test.", **origin}
    )
    about = Description(
        description="A table of a test.",
        grain="One row a thing.",
        key=("a",),
        owner="Test",
        disclosure="Nothing of anybody.",
        columns={"a": column},
    )
    table = CuratedTable("fig", Path("fig.sql"), "", about, frozenset())
    only_fig = profile().model_copy(update={"tables": ("fig",)})

    with pytest.raises(ConfigError, match=problem):
        build_dictionary([table], registry(), only_fig)


def test_a_profile_of_a_table_that_does_not_exist_is_refused():
    strange = profile().model_copy(update={"tables": ("weather",)})

    with pytest.raises(ConfigError, match="no curated table 'weather'"):
        build_dictionary(TABLES, registry(), strange)


def test_json_holds_everything():
    assert json.loads(to_json(ODD)) == {
        "profile": "research",
        "title": "<b>Title</b>",
        "audience": "A & B",
        "basis": "Basis",
        "tables": [
            {
                "name": "fig",
                "description": "A <table>.",
                "grain": "One row a fig.",
                "key": ["a"],
                "owner": "Owner",
                "disclosure": "None",
                "columns": [
                    {
                        "name": "a",
                        "type": "VARCHAR",
                        "description": "x | y",
                        "key": True,
                        "sources": ["f.t.a"],
                        "treatment": "Kept.",
                    }
                ],
            }
        ],
    }


def test_markdown_keeps_its_cells_together():
    lines = to_markdown(ODD).splitlines()

    assert lines[0] == "# <b>Title</b>: data dictionary"
    assert "| a | VARCHAR | x \\| y | f.t.a | Kept. |" in lines


class _Page(HTMLParser):
    """Collects tags, what they would load, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.loads += [v or "" for name, v in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_well_formed_escaped_and_loads_nothing():
    page = _Page()

    page.feed(to_html(ODD))

    assert page.open == []
    assert page.loads == ["#fig"]
    assert "<b>Title</b>: data dictionary" in page.text
    assert "A <table>." in page.text


def test_writing_twice_gives_the_same_text():
    first, second = (build_dictionary(TABLES, registry(), profile()) for _ in range(2))

    for write in (to_json, to_markdown, to_html):
        assert write(first) == write(second)
