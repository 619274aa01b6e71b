"""The complaint board: complaints out of encounters that became arrests or reports."""

from simulator.agencies.agency import Agency
from simulator.serving import Delivery

# One incident in so many leads to a complaint; investigations take this many days.
_COMPLAINED, _DAYS = "seq % 7 = 4", 120
_OFFICERS = 140
_DISPOSITIONS = (
    "['UNSUB','EXO','UNF','SUB-TRN','TR-UNA','OUNID','TR-WDR','SUB-DIS','MED',"
    "'TR-UNC','SUB-CHG']"
)


def selects(d: Delivery) -> dict[str, str]:
    """Give the query of each table, of everything up to tonight."""
    today = d.night.today
    allegations = _allegations(today)
    return {
        "complaint": f"""
          SELECT complaint_id, on_day(received) AS received_date,
            CASE WHEN seq % 91 = 60 THEN on_day(received + 3000) ELSE on_day(day) END
              AS incident_date,
            CASE WHEN closed <= {today} THEN on_day(closed) END AS closed_date,
            1 + place % 9 AS precinct,
            ['STOP', 'CALL', 'ARREST', 'SEARCH', 'OTHER'][1 + seq % 5] AS reason,
            ['NONE', 'SUMMONS', 'ARREST'][1 + seq % 3] AS outcome,
            seq % 4 <> 0 AS body_camera
          FROM ({_complaints(today)}) ORDER BY seq""",
        "allegation": f"""
          SELECT allegation_id, complaint_id, officer_id, fado, disposition,
            CASE WHEN disposition <> 'OPEN' THEN on_day(closed) END AS board_date
          FROM ({allegations}) ORDER BY allegation_id""",
        "officer": f"""
          SELECT 'OF' || lpad(n::VARCHAR, 4, '0') AS officer_id,
            ['PO', 'PO', 'PO', 'DET', 'SGT', 'LT'][1 + n % 6] AS rank,
            n % 19 <> 0 AS active
          FROM range({_OFFICERS}) AS officers(n) ORDER BY n""",
        "penalty": f"""
          SELECT allegation_id,
            ['INST', 'REPR', 'VAC', 'NONE'][1 + seq % 4] AS penalty,
            on_day(closed + 40) AS imposed_date
          FROM ({allegations}) WHERE disposition LIKE 'SUB-%' AND closed + 40 <= {today}
          ORDER BY allegation_id""",
    }


def _complaints(today: int) -> str:
    """Give the complaints received by a night: some days after the encounter."""
    return f"""
      SELECT seq, 'CC' || lpad(seq::VARCHAR, 8, '0') AS complaint_id, day, place,
        day + 2 + seq % 30 AS received,
        day + {_DAYS} + seq % 90 AS closed
      FROM incident
      WHERE gone IS NULL AND {_COMPLAINED} AND day + 2 + seq % 30 <= {today}"""


def _allegations(today: int) -> str:
    """Give one or two allegations a complaint, decided when it is closed."""
    return f"""
      SELECT seq, closed, complaint_id,
        'AL' || lpad((2 * seq + nth)::VARCHAR, 8, '0') AS allegation_id,
        CASE WHEN disposition <> 'OUNID'
          THEN 'OF' || lpad(((seq * 7 + nth) % {_OFFICERS})::VARCHAR, 4, '0') END
          AS officer_id,
        ['A', 'F', 'D', 'A', 'O', 'A', 'F'][1 + (seq + nth) % 7] AS fado, disposition
      FROM (
        SELECT *, CASE WHEN closed > {today} THEN 'OPEN'
          ELSE {_DISPOSITIONS}[1 + (seq + nth) % 11] END AS disposition
        FROM ({_complaints(today)}), (SELECT unnest([1, 2]) AS nth)
        WHERE nth = 1 OR seq % 2 = 0
      )"""


AGENCY = Agency(
    "complaints", "sftp", ("complaint", "officer", "allegation", "penalty"), selects
)
