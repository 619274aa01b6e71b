-- People whom at least one agency of this release knows, after linkage.
-- Grain: one row a person.
-- Key: person_token.
-- Reads: persons; the person tables of the feeds.
-- Why: every other table points here. The year of birth is coarsened to its decade, and
-- the state is left to zip3, so that the columns kept are the quasi-identifiers that the
-- disclosure checks count. A person is "in" a sector once it has a record of them, even
-- where no event of theirs is published.
SELECT
    persons.person_token,
    persons.sex,
    persons.race,
    persons.ethnicity,
    persons.zip3,
    persons.birth_year - persons.birth_year % 10 AS birth_decade,
    EXISTS(
        SELECT 1 FROM police_rms__person AS known
        WHERE known.person_token = persons.person_token
    ) AS in_police,
    EXISTS(
        SELECT 1 FROM hospital__patient AS known
        WHERE known.person_token = persons.person_token
    ) AS in_hospital
FROM persons
ORDER BY persons.person_token
