"""How a REST system leads from page to page: by link, by offset or by cursor."""

from collections.abc import Callable
from urllib.parse import urlencode

from requests.utils import parse_header_links

from concord.transport.documents import Document
from concord.transport.http import Reply
from concord.transport.specs import RestSpec

Following = Callable[[Document, Reply, int, bool], str | None]
"""From a page, its reply, the rows so far and whether it was the last: the next."""


def first_page(spec: RestSpec, path: str) -> str:
    """Return the address of a resource's first page."""
    query: dict[str, str | int] = {spec.limit_param: spec.page_size}
    if spec.paging != "cursor":
        query[spec.offset_param] = 0
    return f"{path}?{urlencode(query)}"


def next_page(spec: RestSpec, path: str) -> Following:
    """Return the way from one page of a resource to the next."""

    def by_link(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        if spec.next_path is None:
            links = parse_header_links(reply.headers.get("Link", ""))
            return next((x["url"] for x in links if x.get("rel") == "next"), None)
        return page.text(spec.next_path) if page.at(spec.next_path) else None

    def by_offset(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        # The rows that came count, not those asked for: a system may cap its pages.
        return None if last else _address(spec, path, spec.offset_param, rows)

    def by_cursor(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        cursor = page.at(spec.next_path or "")
        if cursor is None or cursor in ("", False):
            return None
        if not isinstance(cursor, str | int):
            raise page.problem(f"{spec.next_path} is not a cursor")
        return _address(spec, path, spec.cursor_param, cursor)

    return {"link": by_link, "offset": by_offset, "cursor": by_cursor}[spec.paging]


def _address(spec: RestSpec, path: str, name: str, value: str | int) -> str:
    query = {spec.limit_param: spec.page_size, name: value}
    return f"{path}?{urlencode(query)}"
