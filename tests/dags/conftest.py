"""Airflow for DAG tests: its own home, no examples, nothing outside the project."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from concord.settings import PROJECT


@pytest.fixture(scope="session")
def dagbag() -> Iterator[object]:
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{Path(home) / 'a.db'}",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }
        from airflow.dag_processing.dagbag import DagBag

        yield DagBag(dag_folder=str(PROJECT / "dags"))
