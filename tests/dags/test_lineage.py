"""Where a site turns lineage on, its events hold names and counts and no value."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.failures import CANARY, NAME

client = pytest.importorskip(
    "openlineage.client", reason="openlineage-python is not installed"
)
pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]


@pytest.fixture
def emitted(tmp_path: Path) -> dict[str, Any]:
    """Emit an event in which every facet quotes the canary; return what was written."""
    from openlineage.client import event_v2 as event
    from openlineage.client import facet_v2 as facet

    metrics = facet.data_quality_metrics_input_dataset
    least = metrics.ColumnMetrics(nullCount=0, min=1.0, max=518449021.0)
    quality = metrics.DataQualityMetricsInputDatasetFacet({"ssn": least})
    failed = facet.error_message_run.ErrorMessageRunFacet(CANARY, "python", CANARY)
    started = facet.nominal_time_run.NominalTimeRunFacet("2026-01-05T02:00:00Z")
    counted = facet.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    whole = event.RunEvent(
        eventType=event.RunState.FAIL,
        eventTime=datetime(2026, 1, 5, tzinfo=UTC).isoformat(),
        run=event.Run(
            "01a21449-80fe-71c9-ab7a-8d066da5ad2f",
            {"errorMessage": failed, "nominalTime": started},
        ),
        job=event.Job(
            "concord", "check", {"sql": facet.sql_job.SQLJobFacet(f"-- {CANARY}")}
        ),
        inputs=[
            event.InputDataset("x", "y", inputFacets={"dataQualityMetrics": quality})
        ],
        outputs=[
            event.OutputDataset("x", "z", outputFacets={"outputStatistics": counted(9)})
        ],
        producer="https://example.org",
    )
    config = {
        "type": "transform",
        "transformer_class": "concord.orchestration.lineage.Redacted",
        "transport": {"type": "file", "log_file_path": str(tmp_path / "events")},
    }
    client.OpenLineageClient(config={"transport": config}).emit(whole)
    (path,) = tmp_path.iterdir()
    written: dict[str, Any] = json.loads(path.read_text())
    return written


def test_what_may_be_told_is_told_and_nothing_else(emitted: dict[str, Any]) -> None:
    assert NAME not in json.dumps(emitted)
    assert "518449021" not in json.dumps(emitted)
    assert set(emitted["run"]["facets"]) == {"nominalTime"}
    assert emitted["job"].get("facets", {}) == {}
    (read,), (wrote,) = emitted["inputs"], emitted["outputs"]
    assert read.get("inputFacets", {}) == {}
    assert wrote["outputFacets"]["outputStatistics"]["rowCount"] == 9
