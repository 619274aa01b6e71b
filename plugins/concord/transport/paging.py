"""How a REST system leads from page to page: by link, offset, page number or cursor."""

from collections.abc import Callable
from itertools import count
from urllib.parse import urlencode

from requests.utils import parse_header_links

from concord.transport.documents import Document
from concord.transport.http import Reply
from concord.transport.specs import RestSpec

Following = Callable[[Document, Reply, int, bool], str | None]
"""From a page, its reply, the rows so far and whether it was the last: the next."""


def first_page(spec: RestSpec, path: str) -> str:
    """Return the address of a resource's first page."""
    beginnings = {"offset": (spec.offset_param, 0), "page": (spec.page_param, 1)}
    if spec.paging in beginnings:
        return _address(spec, path, *beginnings[spec.paging])
    return f"{path}?{urlencode({spec.limit_param: spec.page_size})}"


def next_page(spec: RestSpec, path: str) -> Following:
    """Return the way from one page of a resource to the next."""
    numbers = count(2)

    def by_link(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        if spec.next_path is None:
            return _linked(reply.headers.get("Link", ""))
        return page.text(spec.next_path) if page.at(spec.next_path) else None

    def by_offset(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        # The rows that came count, not those asked for: a system may cap its pages.
        return None if last else _address(spec, path, spec.offset_param, rows)

    def by_number(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        return None if last else _address(spec, path, spec.page_param, next(numbers))

    def by_cursor(page: Document, reply: Reply, rows: int, last: bool) -> str | None:
        cursor = page.at(spec.next_path or "")
        if cursor is None or cursor in ("", False):
            return None
        if not isinstance(cursor, str | int):
            raise page.problem(f"{spec.next_path} is not a cursor")
        return _address(spec, path, spec.cursor_param, cursor)

    ways = {
        "link": by_link,
        "offset": by_offset,
        "page": by_number,
        "cursor": by_cursor,
    }
    return ways[spec.paging]


def _linked(header: str) -> str | None:
    """Return the next address of a Link header; a link may be several things at once.

    Names of parameters and relations are the same in capitals.
    """
    for link in parse_header_links(header):
        told = {name.lower(): text for name, text in link.items()}
        if "next" in told.get("rel", "").lower().split():
            return link["url"]
    return None


def _address(spec: RestSpec, path: str, name: str, value: str | int) -> str:
    query = {spec.limit_param: spec.page_size, name: value}
    return f"{path}?{urlencode(query)}"
