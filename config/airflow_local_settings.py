"""Loaded by every Airflow process at start-up, from AIRFLOW_HOME/config.

Tasks are forked from the scheduler (LocalExecutor) or the worker (Celery). Importing
the heavy libraries there once saves every task about three seconds.
"""

import sys

if sys.argv[1:2] == ["scheduler"] or sys.argv[1:3] == ["celery", "worker"]:
    import duckdb  # noqa: F401
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import splink  # noqa: F401

    import concord.pipeline  # noqa: F401
