"""Reads a page back as a browser would: tags, texts, tables."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}
SET_APART = {"p", "li", "dt", "dd", "div", "span", "code", "br"}


@dataclass
class Table:
    """A table as its reader sees it; ``numbers`` are the texts of numeric cells."""

    id: str = ""
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Collects what tests ask of a page, and every tag that is not closed in turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, Table] = {}
        self.texts: list[str] = []
        self._table: Table | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag in SET_APART:
            self.handle_data(" ")
        if tag not in VOID:
            self.open.append((tag, attributes))
        if tag == "table":
            self._table = Table()
        elif self._table and tag == "caption":
            self._table.id = attributes["id"] or ""
        elif self._table and tag == "tr":
            self._table.rows.append([])
        elif self._table and tag in ("th", "td"):
            self._table.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
            return
        _, attributes = self.open.pop()
        if self._table and tag in ("th", "td"):
            row = self._table.rows[-1]
            row[-1] = " ".join(row[-1].split())
            if tag == "td" and "num" in (attributes.get("class") or "").split():
                self._table.numbers.append(row[-1])
        if self._table and tag == "table":
            self.tables[self._table.id] = self._table
            self._table = None

    def handle_data(self, data: str) -> None:
        inside = {tag for tag, _ in self.open}
        if inside & {"style", "svg"}:
            return
        self.texts.append(data)
        if self._table and self._table.rows and inside & {"th", "td"}:
            self._table.rows[-1][-1] += data

    @property
    def text(self) -> str:
        """The page's words, as one line."""
        return " ".join("".join(self.texts).split())

    def attributes(self, name: str) -> list[str]:
        """Every value of an attribute, in order."""
        return [value or "" for _, found in self.elements for n, value in found.items()
                if n == name]  # fmt: skip
