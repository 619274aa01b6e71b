"""One deliberate leak in each class of artefact: `concord scan` finds all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from concord.pipeline.scanning import Scan, everything, named, scan_county
from concord.scan_terminal import run_scan
from tests.support.leaks_by_class import IDENTITIES, LEAKS
from tests.support.small_feed import MONDAY, Clinic, client, opened, visit

ROSALIND = client(
    7,
    client_id="C4409127",
    first_name="Rosalind",
    last_name="Thackeray",
    ssn="518-44-9021",
)


@dataclass(frozen=True)
class Scanned:
    """A county before and after somebody leaked, and what a terminal shows of it."""

    clean: Scan
    leaked: Scan
    fine: bool
    shown: str


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    root = tmp_path_factory.mktemp("county")
    with pytest.MonkeyPatch.context() as patch, opened(root) as clinic:
        for variable, name in (("AIRFLOW_HOME", "airflow"), ("TMPDIR", "temporary")):
            (root / name).mkdir()
            patch.setenv(variable, str(root / name))
        clinic.check(MONDAY, [ROSALIND, client(8)], [visit(1, 8)])
        yield clinic


@pytest.fixture(scope="module")
def scanned(clinic: Clinic) -> Scanned:
    county = clinic.county
    clean = scan_county(county, everything(county))
    county.keys.release_key("research")  # which whoever published has
    for relative, plant in LEAKS.values():
        path = county.settings.project / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        plant(path)
    leaked = scan_county(county, everything(county))
    console = Console(record=True, width=200, quiet=True)
    fine = run_scan(county.settings, (), None, console)
    return Scanned(clean, leaked, fine, console.export_text())


def test_there_are_many_classes() -> None:
    assert len(LEAKS) >= 16


def test_before_anybody_leaks_nothing_is_found_by_a_scan_that_sees(
    scanned: Scanned,
) -> None:
    assert scanned.clean.findings == ()
    assert scanned.clean.vault.passed
    assert scanned.clean.vault.sought > 0
    assert scanned.clean.clean


@pytest.mark.parametrize("kind", LEAKS)
def test_the_leak_of_each_class_is_found(kind: str, scanned: Scanned) -> None:
    relative, _ = LEAKS[kind]
    artefact = relative.partition("/")[2]
    if "Rosalind" in artefact:
        artefact = artefact.rpartition("/")[0] + "/[withheld"
    found = [f for f in scanned.leaked.findings if f.artefact.startswith(artefact)]
    if relative.endswith(".db"):
        table = {
            "XCom": "xcom", "rendered templates": "rendered_task_instance_fields",
            "run conf": "dag_run", "asset event": "asset_event", "audit log": "log",
            "import error": "import_error", "packed DAG": "serialized_dag",
            "ledger": "leaked_facts",
        }[kind]  # fmt: skip
        found = [f for f in found if f.locator.startswith(f"table {table},")]
    assert found
    assert {f.kind for f in found} & {"name", "ssn", "source_id"}


def test_findings_never_show_whom_they_found(scanned: Scanned) -> None:
    told = f"{scanned.leaked!r} {scanned.shown}".lower()
    assert not [value for value in IDENTITIES if value.lower() in told]
    assert scanned.leaked.vault.passed
    assert not scanned.fine


def test_a_leak_has_the_same_fingerprint_wherever_it_stands(scanned: Scanned) -> None:
    numbers = {f.fingerprint for f in scanned.leaked.findings if f.kind == "ssn"}
    assert len(numbers) == 1


def test_the_ledger_keeps_counts_of_each_scan(clinic: Clinic, scanned: Scanned) -> None:
    events = [e.facts for e in clinic.county.ledger.history.events("scanned")]
    assert [e["findings"] for e in events[:2]] == [0, len(scanned.leaked.findings)]
    assert all(e["vault_sought"] == e["vault_seen"] > 0 for e in events)


def test_a_file_can_be_scanned_before_it_leaves(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("n;who\n1;Thackeray, Rosalind\n")
    made = scan_county(clinic.county, named(clinic.county, [tmp_path / "export.csv"]))
    (finding,) = made.findings
    assert (finding.artefact, finding.kind) == ("export.csv", "name")
