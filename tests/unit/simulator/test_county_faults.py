import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.__main__ import app
from simulator.county import County, release_late

SECOND = date(2026, 1, 6)


@pytest.fixture(scope="module")
def county() -> County:
    return County(7, 2000)


def test_a_late_delivery_is_withheld_until_released(
    county: County, county_root: Path, tmp_path: Path
) -> None:
    county.write_night(tmp_path, 1, {"police_rms": "late"})
    served = tmp_path / "served/police_rms/20260106"
    assert not served.exists()
    assert (tmp_path / "served/school/2026-01-06/students.ndjson").exists()
    assert release_late(tmp_path, "police_rms", SECOND) == served
    on_time = county_root / "served/police_rms/20260106"
    assert {p.name: p.read_bytes() for p in served.iterdir()} == {
        p.name: p.read_bytes() for p in on_time.iterdir()
    }
    assert not list((tmp_path / "withheld/police_rms").iterdir())


def test_nothing_withheld_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="withheld for 2026-01-06"):
        release_late(tmp_path, "police_rms", SECOND)


def test_a_renamed_column_changes_nothing_else(
    county: County, county_root: Path, tmp_path: Path
) -> None:
    county.write_night(tmp_path, 1, {"probation": "renamed_column"})
    name = "served/probation/2026-01-06/persons.ndjson"
    damaged = [json.loads(line) for line in (tmp_path / name).open()]
    good = [json.loads(line) for line in (county_root / name).open()]
    for bad, person in zip(damaged, good, strict=True):
        assert "birth_date" not in bad
        assert bad.pop("dob") == person.pop("birth_date")
        assert bad == person


def test_truncation_cuts_only_the_last_patient(
    county: County, county_root: Path, tmp_path: Path
) -> None:
    county.write_night(tmp_path, 1, {"hospital": "truncated_ndjson"})
    name = "served/hospital/2026-01-06/Patient.ndjson"
    damaged, good = (tmp_path / name).read_text(), (county_root / name).read_text()
    assert good.startswith(damaged)
    assert len(damaged.splitlines()) == len(good.splitlines())
    with pytest.raises(ValueError, match=r"(Expecting|Unterminated)"):
        json.loads(damaged.splitlines()[-1])


def test_the_truth_of_a_faulty_night_is_the_same(
    county: County, county_root: Path, tmp_path: Path
) -> None:
    county.write_night(tmp_path, 1, {"police_rms": "late"})
    for path in (county_root / "truth/2026-01-06").iterdir():
        assert (tmp_path / "truth/2026-01-06" / path.name).read_bytes() == (
            path.read_bytes()
        )


def test_an_unknown_fault_names_the_known_ones(county: County, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="police_rms:late"):
        county.write_night(tmp_path, 0, {"police_rms": "gremlins"})


def test_the_command_line_writes_nights_and_releases(tmp_path: Path) -> None:
    runner = CliRunner()
    root = str(tmp_path / "county")
    written = runner.invoke(
        app,
        f"generate --root {root} --persons 300 --nights 2 --fault police_rms:late:1",
    )
    assert written.exit_code == 0, written.output
    served = tmp_path / "county/served"
    assert (served / "police_rms/20260105/manifest.json").exists()
    assert not (served / "police_rms/20260106").exists()
    late = ["release", "--root", root, "--feed", "police_rms", "--night", "2026-01-06"]
    assert runner.invoke(app, late).exit_code == 0
    assert (served / "police_rms/20260106/manifest.json").exists()
    assert runner.invoke(app, late).exit_code == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("police_rms:late", "FEED:FAULT:NIGHT"),
        ("police_rms:late:9", "nights count from 0"),
        ("police_rms:odd:0", "no fault"),
    ],
)
def test_the_command_line_refuses_bad_faults(
    tmp_path: Path, fault: str, said: str
) -> None:
    result = CliRunner().invoke(
        app, ["generate", "--root", str(tmp_path), "--persons", "300", "--fault", fault]
    )
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_help_teaches_with_an_example() -> None:
    result = CliRunner().invoke(app, ["generate", "--help"], terminal_width=100)
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for part in ("police_rms:late:1", "--persons", "truth"):
        assert part in text
