"""Names for what makes a delivered file unsafe to read, with what to do."""

from collections.abc import Callable

from concord.contracts.models import Contract, Table
from concord.exceptions import DeliveryHeld

REMEDIES = {
    "COLUMN_MISSING": "If they were renamed, state renamedFrom in the contract",
    "CUT_LAST_LINE": "Ask the agency to send the file again",
    "DUPLICATE_HEADER": "Ask the agency to name each column once",
    "EMPTY_FILE": "Ask the agency to export again",
    "HEADER_MISSING": "Ask for a first line with the names of the contract",
    "LINE_TOO_LONG": "Ask for line ends and closed quotes",
    "NO_ROWS": "Ask the agency; if that can be right, set emptyAllowed in the contract",
    "NUL_BYTE": "Ask for an undamaged export",
    "RECORDS_MISSING": "Ask the agency what its page says, or correct records",
    "ROWS_UNACCOUNTED": "A fault of Concord: report it; the delivery is kept",
    "TRAILER_MISMATCH": "Ask the agency to send the file again",
    "UNCLOSED_QUOTE": "Ask the agency to close and double its quotes",
    "UNREADABLE_FILE": "Ask the agency to check its export, then run the night again",
    "WRONG_DELIMITER": "Ask for the contracted delimiter, or change the contract",
    "WRONG_ENCODING": "Ask for the contracted encoding, or change the contract",
}
Held = Callable[[str, str], DeliveryHeld]


def holding(contract: Contract, table: Table, number: int = 1, of: int = 1) -> Held:
    """Return what makes the error for a file of a table; it names no value."""
    where = table.name if of == 1 else f"{table.name}, file {number} of {of}"

    def held(code: str, detail: str) -> DeliveryHeld:
        return DeliveryHeld(
            code,
            feed=contract.id,
            detail=f"{where}: {detail}",
            remedy=REMEDIES[code],
        )

    return held
