-- People whom at least one agency knows, after linkage.
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
        SELECT 1 FROM probation__person AS known
        WHERE known.person_token = persons.person_token
    ) AS in_probation,
    EXISTS(
        SELECT 1 FROM school__student AS known
        WHERE known.person_token = persons.person_token
    ) AS in_school,
    EXISTS(
        SELECT 1 FROM hospital__patient AS known
        WHERE known.person_token = persons.person_token
    ) AS in_hospital,
    EXISTS(
        SELECT 1 FROM parole__person AS known
        WHERE known.person_token = persons.person_token
    ) AS in_parole,
    EXISTS(
        SELECT 1 FROM social_services__client AS known
        WHERE known.person_token = persons.person_token
    ) AS in_social_services
FROM persons
ORDER BY persons.person_token
