"""The oversight reports behind Airflow's login.

Airflow does not authenticate the apps of plugins, so every route here asks for the
right to see runs of ``report_quality``. Files are served by a route and never mounted:
a mount would pass the question by.
"""

from typing import TYPE_CHECKING, Any

from concord.settings import Settings
from concord.zones import Zones

if TYPE_CHECKING:
    from fastapi import FastAPI

DAG_ID = "report_quality"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def build_app() -> "FastAPI":
    """Make the app; FastAPI is imported here, because every process loads plugins."""
    from airflow.api_fastapi.auth.managers.models.resource_details import (
        DagAccessEntity,
    )
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import FileResponse

    allowed = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(allowed)]
    )

    @app.get("/{path:path}", include_in_schema=False)
    def serve(path: str) -> FileResponse:
        """Send one file of the reports zone."""
        root = Zones(Settings().home).reports.resolve()
        wanted = (root / path).resolve()
        if wanted.is_dir():
            wanted = wanted / "index.html"
        if not wanted.is_relative_to(root) or not wanted.is_file():
            raise HTTPException(404)
        return FileResponse(wanted, headers=HEADERS)

    return app


class LazyApp:
    """An ASGI app that is built on its first request."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if self._app is None:
            self._app = build_app()
        await self._app(scope, receive, send)
