"""The task of `scan_artefacts`: counts where all is clean, a failure where not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.small_feed import MONDAY, Clinic, client, opened

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture
def clinic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_home: Path
) -> Iterator[Clinic]:
    with opened(tmp_path) as clinic:
        clinic.check(MONDAY, [client(1, first_name="Rosalind", last_name="Thackeray")])
        (tmp_path / "logs").mkdir()
        monkeypatch.setenv("CONCORD_HOME", str(clinic.county.settings.home))
        monkeypatch.setenv("CONCORD_PROJECT", str(tmp_path))
        monkeypatch.setenv("CONCORD_SCAN_FOLDERS", str(tmp_path / "logs"))
        yield clinic


def test_a_clean_night_gives_counts(clinic: Clinic) -> None:
    from concord.orchestration import tasks

    looked = tasks.scan(MONDAY)

    assert looked["artefacts"] > 3
    assert looked["findings"] == 0


def test_a_leak_fails_the_run_and_shows_nobody(clinic: Clinic, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from concord.orchestration import tasks

    (tmp_path / "logs" / "task.log").write_text("KeyError: 'Thackeray, Rosalind'")

    with pytest.raises(AirflowFailException, match=r"1 findings \{'logs': 1\}") as told:
        tasks.scan(MONDAY)

    assert "thackeray" not in str(told.value).lower()


def test_planted_records_that_the_vault_lacks_fail_the_run(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from concord.orchestration import tasks

    (tmp_path / "planted.json").write_text('[{"tokens": ["Zqxnowhere"]}]')
    monkeypatch.setenv("CONCORD_PLANTED", str(tmp_path / "planted.json"))

    with pytest.raises(AirflowFailException, match="planted records 0 of 1"):
        tasks.scan(MONDAY)
