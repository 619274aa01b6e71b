"""Concord's Airflow plugin: the oversight report, behind login, in the navigation."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from concord.orchestration.site import LazyApp


class ConcordPlugin(AirflowPlugin):
    """Adds the reports to Airflow's navigation."""

    name = "concord"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyApp(), "url_prefix": "/concord", "name": "Concord reports"}
    ]
    # The trailing slash is needed: without it Airflow's own page would answer.
    external_views: ClassVar[list[dict[str, Any]]] = [
        {
            "name": "Oversight report",
            "href": "concord/",
            "destination": "nav",
            "category": "browse",
            "url_route": "concord-report",
        }
    ]
