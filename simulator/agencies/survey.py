"""The community survey: anonymous answers of a few adults, a wave a quarter."""

from simulator.agencies.agency import Agency
from simulator.serving import Delivery

# One adult in so many answers in a wave; the first wave is the summer before.
_SHARE = 5
_WAVES = ("2025Q3", "2025Q4")


def selects(d: Delivery) -> dict[str, str]:
    """Give the query of the responses: numbers by chance, in no order of persons."""
    waves = ", ".join(f"'{wave}'" for wave in _WAVES)
    mixed = f"md5(person || '/' || wave || '/{d.night.seed}')"
    return {
        "response": f"""
          SELECT 'R' || upper(substr({mixed}, 7, 12)) AS response_id,
            CASE WHEN luck % 131 = 9 THEN '2025Q9' ELSE wave END AS wave,
            1 + luck % 6 AS district,
            CASE WHEN age < 25 THEN '1' WHEN age < 35 THEN '2' WHEN age < 50 THEN '3'
              WHEN age < 65 THEN '4' ELSE '5' END AS age_group,
            CASE WHEN luck % 40 = 3 THEN '3' WHEN sex = 'M' THEN '1' ELSE '2' END
              AS sex,
            CASE WHEN luck % 17 = 4 THEN '99' WHEN ethnicity = 'H' THEN '3'
              WHEN race = 'W' THEN '1' WHEN race = 'B' THEN '2' WHEN race = 'A' THEN '4'
              ELSE '5' END AS race,
            CASE WHEN luck % 23 = 1 THEN '98'
              ELSE (1 + (luck // 7 + (sex = 'M')::INTEGER) % 5)::VARCHAR END AS q01,
            (1 + (luck // 11) % 5)::VARCHAR AS q02,
            (1 + (luck // 13) % 5)::VARCHAR AS q03,
            CASE WHEN luck % 29 = 2 THEN '98' ELSE (1 + (luck // 17) % 5)::VARCHAR END
              AS q04,
            luck % 9 = 0 AS q05, CASE WHEN luck % 9 = 0 THEN luck % 2 = 0 END AS q06,
            CASE WHEN luck % 15 = 0 THEN 'More light on the way home, please.' END
              AS q99
          FROM (
            SELECT *, ('0x' || substr({mixed}, 1, 6))::INTEGER AS luck,
              date_diff('day', birth, DATE '{d.night.first_night}') / 365.25 AS age
            FROM truth, (SELECT unnest([{waves}]) AS wave)
          ) WHERE age >= 18 AND luck % {_SHARE} = 0 ORDER BY response_id"""
    }


AGENCY = Agency("survey", "sftp", ("response",), selects)
