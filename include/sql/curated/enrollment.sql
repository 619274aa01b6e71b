-- Enrollments of students in schools.
-- Grain: one row an enrollment.
-- Key: person_token, enrollment_seq.
-- Reads: school__enrollment.
-- Why: the denominator of attendance and discipline. The district's row id does not leave,
-- so a person's enrollments are numbered by what is published of them, never by arrival.
WITH numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY person_token
            ORDER BY
                school_year, entry_date, school_id, grade_level, exit_date, exit_type, age_at_entry
        ) AS enrollment_seq
    FROM school__enrollment
)

SELECT
    person_token,
    enrollment_seq,
    school_id,
    school_year,
    grade_level,
    entry_date AS entered_on,
    exit_date AS exited_on,
    exit_type,
    age_at_entry
FROM numbered
ORDER BY person_token, enrollment_seq
