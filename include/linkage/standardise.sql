-- Person records made comparable: one row in, one row out, unknown values null.
-- Reads: person_record (the vault schema), nickname (name, canonicals), and the steps of
-- steps.sql. $night: nobody was born after it; null where it doesn't matter.
WITH

plain AS (
    SELECT
        record_key,
        feed,
        birth_date,
        sex,
        FOLDED(COLUMNS(
            '_name$|_number$|^(suffix|street|city|ssn|phone|zip|state_id|email)$'
        ))
    FROM person_record
),

worded AS (
    SELECT
        record_key,
        feed,
        birth_date,
        sex,
        phone AS phone_text,
        NAME_WORDS(COLUMNS('^(first_name|middle_name|last_name|suffix)$')),
        DIGITS(COLUMNS('^(ssn|phone|zip)$')),
        REGEXP_REPLACE(COLUMNS('_number$|^state_id$'), '[^A-Z0-9]', '', 'g'),
        STREET_WORDS(street) AS street,
        REGEXP_REPLACE(city, '[^\p{L}]', '', 'g') AS city,
        LOWER(TRIM(email)) AS email
    FROM plain
),

parted AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name),
        KNOWN_NAME(WITHOUT_GENERATION(COLUMNS('^(first_name|middle_name|last_name)$'))),
        COALESCE(GENERATION_WORD(first_name, middle_name, last_name), suffix)
            AS generation_word,
        STREET_PARTS(street) AS parts
    FROM worded
),

named AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name),
        CASE WHEN NOT IS_NOBODY(first_name, last_name) THEN FIRST_GIVEN_NAME(first_name) END
            AS first_name,
        CASE WHEN NOT IS_NOBODY(first_name, last_name) THEN WITH_PARTICLES(last_name) END
            AS last_words,
        CASE
            WHEN NOT IS_NOBODY(first_name, last_name)
                THEN COALESCE(middle_name, OTHER_GIVEN_NAMES(first_name))
        END AS middle_name,
        STRING_SPLIT(PLACE_OF(street, parts), '|') AS place
    FROM parted
)

SELECT
    record_key,
    feed,
    middle_name,
    nickname.canonicals AS first_forms,
    NULLIF(first_name, '') AS first_name,
    REPLACE(last_words, ' ', '') AS last_name,
    SPLIT_PART(last_words, ' ', 1) AS last_part_1,
    CASE
        WHEN INSTR(last_words, ' ') > 0 THEN SPLIT_PART(last_words, ' ', -1)
    END AS last_part_2,
    NULLIF(first_name, '') || ' ' || REPLACE(last_words, ' ', '') AS full_name,
    GENERATION_NUMBER(generation_word) AS generation,
    KNOWN_BIRTH_DATE(birth_date, $night) AS dob,
    CASE WHEN sex IN ('M', 'F') THEN sex END AS sex,
    KNOWN_SSN(ssn) AS ssn,
    KNOWN_NUMBER(state_id) AS state_id,
    KNOWN_NUMBER(student_number) AS student_number,
    KNOWN_NUMBER(medical_number) AS medical_number,
    KNOWN_PHONE(phone_text, phone) AS phone,
    KNOWN_EMAIL(email) AS email,
    NULLIF(place[1], '') || ' ' || REPLACE(place[2], ' ', '') AS address,
    NULLIF(place[1], '') AS house_number,
    KNOWN_STREET(place[2]) AS street_name,
    NULLIF(city, '') AS city,
    KNOWN_ZIP(zip) AS zip5
FROM named
LEFT JOIN nickname ON named.first_name = nickname.name
