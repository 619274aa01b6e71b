import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.__main__ import app
from simulator.county import County, release_late
from simulator.faults import trouble_of

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
    with pytest.raises(ValueError, match=r"T5.*R3 \(late\)"):
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
        ("T5", "1 of --fault, 0 of --feed and 0 of --night"),
        ("T5 --feed police_rms --night 9", "nights count from 0"),
        ("T5 --feed police_rms --night -1", "nights count from 0"),
        ("T99 --feed police_rms --night 0", "no fault 'T99'"),
        ("T5 --feed school --night 0", "no fault 'T5' for feed 'school'"),
        ("T5 --feed nobody --night 0", "no feed 'nobody'"),
        ("T34 --feed school --night 0", "the servers speak no TLS"),
        ("school:T3:0 --fault T4 --feed school --night 0", "one fault a night"),
    ],
)
def test_the_command_line_refuses_bad_faults(
    tmp_path: Path, fault: str, said: str
) -> None:
    result = CliRunner().invoke(
        app, f"generate --root {tmp_path} --persons 300 --fault {fault}"
    )
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_fault_by_number_is_raised_on_its_night_only(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        f"generate --root {tmp_path} --persons 300 --nights 2 "
        "--fault T5 --feed police_rms --night 1 --fault F8 --feed hospital --night 1",
    )
    assert done.exit_code == 0, done.output
    served = tmp_path / "served/hospital"
    assert b"\x00" not in (served / "2026-01-05/Patient.ndjson").read_bytes()
    assert b"\x00" in (served / "2026-01-06/Patient.ndjson").read_bytes()
    assert trouble_of(tmp_path, "police_rms", date(2026, 1, 5)) == ""
    assert trouble_of(tmp_path, "police_rms", SECOND) == "T5"


def test_a_night_written_again_without_fault_is_a_good_one(
    county: County, tmp_path: Path
) -> None:
    for faults, number in (({"school": "T17"}, "T17"), (None, "")):
        county.write_night(tmp_path, 1, faults)
        assert trouble_of(tmp_path, "school", SECOND) == number


def test_every_fault_is_listed_with_its_feeds() -> None:
    result = CliRunner().invoke(app, ["faults"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for part in ("T5", "police_rms (late)", "F40", "R12", "elsewhere", "withheld"):
        assert part in result.output


def test_help_teaches_with_an_example() -> None:
    result = CliRunner().invoke(app, ["generate", "--help"], terminal_width=100)
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for part in ("police_rms:late:1", "--persons", "truth"):
        assert part in text
