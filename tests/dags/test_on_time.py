"""Tasks of a feed that owes nothing: they succeed, so that the county goes on."""

from datetime import date
from pathlib import Path

import pytest

from tests.support.small_feed import FEED, client, opened

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]
DUE, BETWEEN = date(2026, 1, 5), date(2026, 1, 20)


def test_between_deliveries_the_tasks_of_a_feed_succeed_and_the_watch_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_home: Path
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from concord.orchestration import tasks

    with opened(tmp_path, mode="full", cron="0 3 5 * *") as clinic:
        clinic.check(DUE, [client(1)])
        monkeypatch.setenv("CONCORD_HOME", str(clinic.county.settings.home))
        monkeypatch.setenv("CONCORD_PROJECT", str(tmp_path))
        assert tasks.land(FEED, BETWEEN) == []
        assert tasks.check(FEED, BETWEEN) == {
            "feed": FEED,
            "night": "2026-01-20",
            "on_time": True,
        }
        with pytest.raises(AirflowSkipException, match="owes nothing"):
            tasks.carry_forward(FEED, BETWEEN)
        assert clinic.events("carried_forward") == []
