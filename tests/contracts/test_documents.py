"""Documents hold together: links, decisions, codes, settings, keys and commands."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from concord.cli import app
from concord.contracts import decisions, models, odcs, reading, risk
from concord.landing import schema
from concord.settings import PROJECT, Settings
from concord.transport.problems import HELD_REMEDIES, REMEDIES
from concord.transport.registry import SPECS

DOCS = PROJECT / "docs"
REFERENCE = DOCS / "reference"
INDEX = DOCS / "README.md"
TEXTS = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
RAISERS = {
    "FeedLocked",
    "GateRefused",
    "LockLost",
    "AgreementRefused",
    "DataError",
    "DeliveryHeld",
    "DeliveryNotReady",
    "Finding",
    "LinkageError",
    "RiskRefused",
    "TransportError",
    "_refused",
    "failed",
    "held",
    "pull",
    "_held",
}
CODE = re.compile(r"[A-Z][A-Z_]+")
EXAMPLES = re.compile("jail|NNNN")


def name_of(path: Path) -> str:
    """Return a path as the tests' ids show it."""
    return path.relative_to(PROJECT).as_posix()


each_text = pytest.mark.parametrize("path", TEXTS, ids=name_of)


def links(path: Path) -> list[str]:
    """Return the targets of a document's links that stay in the project."""
    found = LINK.findall(FENCE.sub("", path.read_text()))
    return [t for t in found if not re.match(r"[a-z]+:", t)]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


@each_text
def test_links_lead_somewhere(path):
    for target in links(path):
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{name_of(path)} links to missing {target}"
        assert found.is_relative_to(PROJECT)
        if anchor:
            assert anchor in anchors(found), f"{name_of(path)}: no heading {target}"


def test_every_document_is_reached_from_the_index():
    reached, left = set(), [INDEX]
    while left:
        path = left.pop()
        if path not in reached and path.suffix == ".md" and path.exists():
            reached.add(path)
            files = (target.partition("#")[0] for target in links(path))
            left += [(path.parent / file).resolve() for file in files if file]
    assert set(DOCS.rglob("*.md")) <= reached


@each_text
def test_no_path_of_one_machine(path):
    roots = "|".join(["home", "Users", "root", "work", "tmp"])
    for text in (rf"(?<![\w.])/({roots})\b/?\w*", r"[A-Z]:\\"):
        assert re.search(text, path.read_text()) is None


@each_text
def test_document_begins_with_one_title(path):
    text = FENCE.sub("", path.read_text())
    assert len(re.findall(r"^# .+", text, re.MULTILINE)) == 1
    assert text.startswith("# ")


def test_decisions_have_unique_numbers():
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_decision_has_its_form(path):
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    text = path.read_text()
    title = re.match(r"# (\d+)[.:] \S", text)
    assert title is not None
    assert int(title[1]) == int(path.name[:4])
    form = r"^(?:## )?(Status|Context|Decision|Consequences)(?::.*)?$"
    parts = re.findall(form, text, re.MULTILINE)
    assert parts == ["Status", "Context", "Decision", "Consequences"]


def test_every_decision_is_in_the_index():
    assert {path.name for path in DECISIONS} == {
        Path(target).name for target in links(INDEX) if target.startswith("adr/")
    }


def codes_in_source() -> set[str]:
    """Return every code with which the library raises an error."""
    codes = {*REMEDIES, *HELD_REMEDIES}
    for path in (PROJECT / "plugins" / "concord").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and _raiser(node.func):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found = CODE.fullmatch(str(first.value))
                    codes |= {found[0]} if found else set()
    return codes


def _raiser(function: ast.expr) -> bool:
    """Say whether a call makes one of the errors that carry a code."""
    name = getattr(function, "attr", None) or getattr(function, "id", None)
    return name in RAISERS


def test_every_code_is_described_and_no_other():
    text = (REFERENCE / "errors.md").read_text()
    described = re.findall(r"^\| `([A-Z][A-Z_]+)` \|", text, re.MULTILINE)
    assert len(set(described)) == len(described)
    assert set(described) == codes_in_source()


def test_every_setting_is_described_with_its_variable():
    text = (REFERENCE / "settings.md").read_text()
    described = set(re.findall(r"^\| `CONCORD_(\w+)` \|", text, re.MULTILINE))
    assert described == {name.upper() for name in Settings.model_fields}


FENCED = r"(?s)```.*?```"


def keys_of(*kinds: type[BaseModel]) -> set[str]:
    """Return the keys that models take, as YAML writes them."""
    return {
        field.alias or name
        for kind in kinds
        for name, field in kind.model_fields.items()
    }


def test_every_key_of_a_contract_is_described():
    text = (REFERENCE / "contracts.md").read_text()
    standard = keys_of(
        odcs.DataContract,
        odcs.SchemaObject,
        odcs.Property,
        odcs.LogicalTypeOptions,
        odcs.Relationship,
        odcs.Description,
        odcs.Team,
        odcs.TeamMember,
        models.Delivery,
        models.Drift,
        decisions.ExemptionFile,
        decisions.Exemption,
        decisions.OverrideFile,
        decisions.Override,
        models.Age,
        models.Deletes,
        models.DeleteKey,
        *SPECS.values(),
    )
    ours = reading.CONTRACT_KEYS | reading.TABLE_KEYS | reading.COLUMN_KEYS
    examples, spans = (
        re.findall(FENCED, text),
        re.findall(r"`[^`]+`", re.sub(FENCED, "", text)),
    )
    mentioned = set(re.findall(r"\w+", " ".join(examples + spans)))
    assert (standard | ours | SPECS.keys()) - mentioned == set()


def test_every_key_of_an_agreement_and_concept_is_described():
    text = (REFERENCE / "agreements.md").read_text()
    mentioned = set(re.findall(r"`([\w.]+)`", text))
    wanted = keys_of(models.Agreement, models.Party, models.Concept)
    concepts = yaml.safe_load((PROJECT / "include" / "concepts.yaml").read_text())
    assert (wanted | set(concepts)) - mentioned == set()


def test_every_table_of_the_ledger_is_described():
    text = (REFERENCE / "ledger.md").read_text()
    described = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert described == set(schema.metadata.tables)


def test_every_command_is_described():
    text = (REFERENCE / "cli.md").read_text()
    described = set(re.findall(r"^\| `concord (\w+)", text, re.MULTILINE))
    assert described == {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    } | {group.name for group in app.registered_groups}


@each_text
def test_paths_in_code_spans_exist(path):
    folders = "dags|plugins|include|expectations|simulator|tests|docs|docker|benchmarks"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", path.read_text())
    for name in named:
        known = EXAMPLES.search(name) or (PROJECT / name).exists()
        assert known, f"{name_of(path)} names missing {name}"


def test_json_examples_are_json():
    for path in TEXTS:
        for example in re.findall(r"```json\n(.*?)```", path.read_text(), re.DOTALL):
            json.loads(example)


def test_guarantees_name_tests_that_exist():
    section = (PROJECT / "README.md").read_text().split("## Five guarantees")[1]
    rows = re.findall(r"^\| [1-5] \|.*$", section.split("\n## ")[0], re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        named = re.findall(r"\((tests/[\w/.]+)\)", row)
        assert named
        assert all((PROJECT / name).exists() for name in named)


def test_every_key_of_a_release_profile_is_described():
    text = (REFERENCE / "release_profiles.md").read_text()
    mentioned = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", text))))
    wanted = keys_of(
        models.ReleaseProfile,
        models.ConceptAction,
        risk.KAnonymity,
        risk.Coarser,
        risk.Limits,
        risk.RiskSet,
        risk.RiskRules,
    )
    assert wanted - mentioned == {"action"}
