"""The DAGs, as Airflow reads them."""

import pytest

from concord.settings import PROJECT


@pytest.fixture(scope="session")
def dagbag(airflow_home) -> object:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(PROJECT / "dags"))
