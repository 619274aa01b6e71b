"""The only part of Concord that may import Airflow."""
