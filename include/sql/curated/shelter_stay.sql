-- Stays in shelters and other programmes for people without a home.
-- Grain: one row a person's enrolment in a project.
-- Key: stay_id.
-- Reads: social_services__enrollment, social_services__exit, social_services__service.
-- Why: who is without a home, where they came from and where they went. An exit that was
-- sent twice counts once, by its last day. bed_nights counts the nights that the project
-- wrote down; projects that write none have 0.
WITH ended AS (
    SELECT
        enrollment_id,
        MAX(exit_date) AS exit_date,
        ARG_MAX(destination, exit_date) AS destination
    FROM social_services__exit
    GROUP BY enrollment_id
),

nights AS (
    SELECT
        enrollment_id,
        COUNT(*) AS bed_nights
    FROM social_services__service
    WHERE record_type = 'BED_NIGHT'
    GROUP BY enrollment_id
)

SELECT
    stays.enrollment_id AS stay_id,
    stays.person_token,
    stays.project_id AS project_token,
    stays.household_id AS household_token,
    stays.relationship_to_head,
    stays.entry_date AS entered_on,
    stays.move_in_date AS moved_in_on,
    ended.exit_date AS left_on,
    stays.living_situation AS came_from,
    ended.destination AS went_to,
    stays.disabling_condition,
    stays.age_at_entry,
    COALESCE(nights.bed_nights, 0) AS bed_nights
FROM social_services__enrollment AS stays
LEFT JOIN ended ON stays.enrollment_id = ended.enrollment_id
LEFT JOIN nights ON stays.enrollment_id = nights.enrollment_id
ORDER BY stay_id
