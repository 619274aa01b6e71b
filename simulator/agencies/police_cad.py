"""Police dispatch: calls for service, three quarters of incidents among them."""

from simulator.agencies.agency import Agency
from simulator.serving import Delivery

_ORI = "IL0840100"
# The first digits of an offense code, and the call that it came in as.
_TYPES = {
    "13": "ASLT", "11": "ASLT", "12": "ROBB", "22": "BURG", "23": "THEFT",
    "24": "THEFT", "29": "VAND", "90": "DIST",
}  # fmt: skip
_WITHOUT_REPORT = "['DIST','WELF','ALARM','TRAF','SUSP','MH','DOMES','OTHR']"
_REPORTED = "(seq * 7919) % 100 < 75"
# A second caller about a reported incident.
_DUPLICATE = f"seq % 17 = 3 AND {_REPORTED}"
# One call in so many is given a moment far in the future.
_SPOILED = 101


def selects(d: Delivery) -> dict[str, str]:
    """Give the query of each table: calls follow the incidents that changed."""
    calls = _calls(d)
    return {
        "call": f"""
          SELECT call_id, '{_ORI}' AS ori, parent_call_id, source,
            initial_type, final_type, priority,
            CASE WHEN n % {_SPOILED} = 11 THEN '2031-05-17T10:00:00'
              ELSE local_text(created_at) END AS created_at,
            CASE WHEN source <> 'O' THEN local_text(created_at + to_seconds(wait)) END
              AS dispatched_at,
            local_text(created_at + to_seconds(wait + drive)) AS on_scene_at,
            local_text(created_at + to_seconds(wait + drive + 1500)) AS cleared_at,
            wait + drive AS response_seconds, disposition,
            initial_type = 'MH' AS mental_health, initial_type = 'DOMES' AS domestic,
            report_number, street, city, 'IL' AS state, zip, beat,
            local_text(stamp) AS updated_at, action
          FROM ({calls}) ORDER BY n""",
        "unit_response": f"""
          SELECT call_id, unit_number, 'OF' || lpad(((n * 7 + unit_number) % 140)
              ::VARCHAR, 4, '0') AS officer_id,
            local_text(created_at + to_seconds(wait)) AS dispatched_at,
            local_text(created_at + to_seconds(wait + drive * unit_number))
              AS on_scene_at,
            local_text(stamp) AS updated_at, action
          FROM ({calls}), (SELECT unnest([1, 2]) AS unit_number)
          WHERE source <> 'O' AND unit_number <= 1 + (priority < 3)::INTEGER
          ORDER BY n, unit_number""",
    }


def _calls(d: Delivery) -> str:
    """Give the calls of a night: a reported incident's, and one of nothing much."""
    index = d.night.index
    kinds = " ".join(f"WHEN '{ucr}' THEN '{kind}'" for ucr, kind in _TYPES.items())
    return f"""
      SELECT 'CF' || lpad(n::VARCHAR, 8, '0') AS call_id, *,
        CASE WHEN source = 'O' THEN 0 ELSE 40 + n % 200 END AS wait,
        CASE WHEN source = 'O' THEN 0 ELSE 120 + (n * 37) % 700 END AS drive
      FROM (
        SELECT 2 * seq + 1 AS n,
          ['9', '9', 'P', 'P', 'W', 'O', 'X'][1 + seq % 7] AS source,
          CASE ucr[:2] {kinds} ELSE 'OTHR' END AS initial_type,
          CASE ucr[:2] {kinds} ELSE 'OTHR' END AS final_type,
          CASE WHEN ucr[:2] IN ('11', '12', '13') THEN 1 ELSE 3 + seq % 4 END
            AS priority,
          at_minute(day, minute + delay) AS created_at, 'RPT' AS disposition,
          case_number(seq, day, minute, delay) AS report_number, place,
          NULL AS parent_call_id,
          {d.action("incident")} AS action,
          {d.stamp("incident", "at_minute(day, minute + delay + 60)")} AS stamp
        FROM incident WHERE {d.changed} AND {_REPORTED}
          AND NOT (gone IS NOT NULL AND created = {index})
        UNION ALL
        SELECT 2 * seq + 2,
          ['9', 'P', 'P', 'O', 'O', 'X'][1 + seq % 6],
          {_WITHOUT_REPORT}[1 + (seq * 13) % 8], {_WITHOUT_REPORT}[1 + (seq * 13) % 8],
          2 + seq % 7, at_minute(day, (minute * 7 + seq * 13) % 1300),
          CASE WHEN {_DUPLICATE} THEN 'DUP'
            ELSE ['NRN', 'NRN', 'GOA', 'UNF', 'CAN'][1 + seq % 5] END, NULL,
          (place * 31 + 7) % (SELECT max(place) + 1 FROM place),
          CASE WHEN {_DUPLICATE} THEN 'CF' || lpad((2 * seq + 1)::VARCHAR, 8, '0') END,
          {d.action("incident")},
          {d.stamp("incident", "at_minute(day, 1380)")}
        FROM incident WHERE {d.changed}
          AND NOT (gone IS NOT NULL AND created = {index})
      ) JOIN (
        SELECT place, upper(street_line(house, street_name, unit)) AS street,
          upper(city) AS city, zip, beat FROM place
      ) USING (place)"""


AGENCY = Agency("police_cad", "sftp", ("call", "unit_response"), selects, full=False)
