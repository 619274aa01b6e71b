-- Person records made comparable: one row in, one row out, unknown values null.
-- Reads: person_record (the vault schema), nickname (name, canonicals).
-- $night: nobody was born after it; null where it doesn't matter.
-- NFKC is a function that concord.linkage.standardise adds to the connection;
-- it is only called for text that isn't plain ASCII. What is never seen (zero-width
-- characters, soft hyphens, marks of direction) is taken out with it.
WITH

plain AS (
    SELECT
        record_key,
        feed,
        birth_date,
        sex,
        CASE
            WHEN
                STRLEN(COLUMNS('_name$|^(suffix|street|ssn|phone|zip|state_id|email)$'))
                = LENGTH(COLUMNS('_name$|^(suffix|street|ssn|phone|zip|state_id|email)$'))
                THEN COLUMNS('_name$|^(suffix|street|ssn|phone|zip|state_id|email)$')
            ELSE REGEXP_REPLACE(
                NFKC(COLUMNS('_name$|^(suffix|street|ssn|phone|zip|state_id|email)$')),
                '\p{Cf}', '', 'g'
            )
        END
    FROM person_record
),

folded AS (
    SELECT
        record_key,
        feed,
        birth_date,
        sex,
        UPPER(STRIP_ACCENTS(
            COLUMNS('^(first_name|middle_name|last_name|suffix|street)$')
        )),
        REGEXP_REPLACE(COLUMNS('^(ssn|phone|zip)$'), '[^0-9]', '', 'g'),
        REGEXP_REPLACE(UPPER(state_id), '[^A-Z0-9]', '', 'g') AS state_id,
        LOWER(TRIM(email)) AS email
    FROM plain
),

-- Hyphens, slashes and commas part words; every other mark is dropped (O'BRIEN).
worded AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name, suffix, street),
        TRIM(REGEXP_REPLACE(
            REGEXP_REPLACE(
                COLUMNS('^(first_name|middle_name|last_name|suffix)$'),
                '[\s,/_\x{2010}-\x{2015}-]+', ' ', 'g'
            ),
            '[^\p{L}0-9 ]', '', 'g'
        )),
        TRIM(REGEXP_REPLACE(
            REPLACE(REPLACE(street, '#', ' UNIT '), '''', ''), '[^\p{L}0-9]+', ' ', 'g'
        )) AS street
    FROM folded
),

-- A generation (JR, III) is split from the name that it stands in.
generation_split AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name),
        TRIM(REGEXP_REPLACE(
            REGEXP_REPLACE(
                COLUMNS('^(first_name|middle_name|last_name)$'),
                ' (JR|JNR|JUNIOR|SR|SNR|SENIOR|II|III|IV|2ND|3RD|4TH)$', ''
            ),
            '[0-9]', '', 'g'
        )),
        COALESCE(
            NULLIF(REGEXP_EXTRACT(
                CONCAT_WS('|', first_name, middle_name, last_name),
                ' (JR|JNR|JUNIOR|SR|SNR|SENIOR|II|III|IV|2ND|3RD|4TH)(?:\||$)', 1
            ), ''),
            suffix
        ) AS generation_word
    FROM worded
),

-- Words that stand where a name is not known are no name. Words that are real names
-- too (Guest, House, Son) count only beside another such word; NA, NO, TO and MAN are
-- Asian names and never count alone.
named AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name),
        CASE
            WHEN
                REGEXP_FULL_MATCH(
                    COLUMNS('^(first_name|middle_name|last_name)$'),
                    '(?:(?:NO|NOT|OF|THE|TO|BE|ONE|TWO|THREE|[A-H]) )*'
                    || '(?:UNKNOWN|UNKNWN|UNK|UKNOWN|UNIDENTIFIED|UNNAMED|UNAVAILABLE|NONE|NULL'
                    || '|N A|NFN|NMN|NMI|NLN|FNU|LNU|MNU|XX+|ZZ+|HH+|AAA+|TEST|TESTING|DUMMY'
                    || '|REFUSED?|REFUSES|DECLINED?|WITHHELD|ANON|ANONYMOUS|CONFIDENTIAL|PENDING'
                    || '|DONT|DONTKNOW|DK|BABY|BABYBOY|BABYGIRL|INFANT|NEWBORN|NB|BOY|GIRL|BG|KID'
                    || '|ADULT|WOMAN|MALE|FEMALE|PATIENT|INMATE|STUDENT|RESIDENT|RESPONDENT|RESP'
                    || '|HHM|HOUSEHOLD|HOUSEHOLDER|OCCUPANT|TENANT|ROOMMATE|ROOMER|BOARDER|LODGER'
                    || '|VISITOR|SPOUSE|HUSBAND|WIFE|MOTHER|FATHER|MOM|MOMMY|DAD|DADDY|DAUGHTER'
                    || '|BROTHER|SISTER|GRANDMA|GRANDPA|GRANDSON|GRANDDAUGHTER|GRANDCHILD'
                    || '|GRANDMOTHER|GRANDFATHER|STEPSON|STEPDAUGHTER|NEPHEW|NIECE|AUNT|UNCLE'
                    || '|MR|MRS|MS|HIJO|HIJA|ESPOSA|ESPOSO|BEBE|YOUNGEST|OLDEST|ELDEST|NAME'
                    || '|SURNAME|PROVIDED|AVAILABLE|APPLICABLE|RECORDED|STATED|GIVEN)'
                    || '(?: (?:BABY|BOY|GIRL|MALE|FEMALE|CHILD|KID|PERSON|PATIENT|TEST|NAME|KNOWN?'
                    || '|UNKNOWN|ONE|TWO|THREE|[A-Z]))*'
                    || '|(?:PERSON|CHILD|GUEST|FRIEND|PARENT|MEMBER)(?: (?:ONE|TWO|THREE|[A-Z]))+'
                    || '|(?:LADY|MAN|SON)? ?OF THE HOUSE'
                )
                OR COLUMNS('^(first_name|middle_name|last_name)$') = ''
                THEN NULL
            WHEN
                last_name IN ('DOE', 'ROE')
                AND (
                    first_name IN ('JOHN', 'JANE', 'JON', 'J', 'BABY', 'RICHARD')
                    OR first_name IS NULL
                )
                THEN NULL
            ELSE COLUMNS('^(first_name|middle_name|last_name)$')
        END
    FROM generation_split
),

-- DE LA CRUZ is one word; what still has two words is a double surname.
glued AS (
    SELECT
        * EXCLUDE (first_name, middle_name, last_name),
        CASE
            WHEN LENGTH(last_name) = 1 THEN NULL
            WHEN INSTR(last_name, ' ') = 0 THEN last_name
            ELSE REGEXP_REPLACE(
                REGEXP_REPLACE(last_name, '\bSAINT\b', 'ST', 'g'),
                '\b(DE|DEL|DA|DO|DOS|DAS|DI|DU|LA|LAS|LE|LOS|EL|AL|VAN|VON|DEN|DER|TEN|TER'
                || '|ST|STA|SAN|SANTA|MC|MAC|O|D|BIN|IBN|ABU|Y) ',
                '\1', 'g'
            )
        END AS last_words,
        CASE
            WHEN
                SPLIT_PART(first_name, ' ', 1)
                IN (
                    'BABY', 'INFANT', 'CHILD', 'MINOR', 'PERSON', 'GUEST', 'FRIEND', 'PARENT',
                    'LADY', 'GENTLEMAN', 'SENOR', 'SENORA', 'HOUSE'
                )
                THEN NULL
            WHEN INSTR(first_name, ' ') = 3 THEN REPLACE(first_name, ' ', '')
            ELSE SPLIT_PART(first_name, ' ', 1)
        END AS first_name,
        COALESCE(
            middle_name,
            CASE
                WHEN INSTR(first_name, ' ') NOT IN (0, 3)
                    THEN SUBSTR(first_name, INSTR(first_name, ' ') + 1)
            END
        ) AS middle_name
    FROM named
),

-- "123 N Main St Apt 4" is house 123 on MAIN: agencies differ in all the rest.
located AS (
    SELECT
        glued.*,
        nickname.canonicals AS first_forms,
        REGEXP_EXTRACT(
            glued.street,
            '^(?:([0-9]+[A-Z]?) )?'
            || '(?:(?:N|S|E|W|NE|NW|SE|SW|NORTH|SOUTH|EAST|WEST|NORTHEAST|NORTHWEST|SOUTHEAST'
            || '|SOUTHWEST) )?'
            || '(.+?)'
            || '(?: (?:STREET|ST|STR|AVENUE|AVE|AV|AVNUE|ROAD|RD|DRIVE|DR|DRV|LANE|LN|COURT|CT'
            || '|CIRCLE|CIR|BOULEVARD|BLVD|BLV|PLACE|PL|TERRACE|TER|TERR|TRAIL|TRL|TR|PARKWAY'
            || '|PKWY|PKY|HIGHWAY|HWY|WAY|WY|SQUARE|SQ|LOOP|CROSSING|XING|COVE|CV|POINT|PT))?'
            || '(?: (?:N|S|E|W|NE|NW|SE|SW|NORTH|SOUTH|EAST|WEST))?'
            || '(?: (?:APT|APARTMENT|APTMNT|UNIT|UN|STE|SUITE|LOT|RM|ROOM|FL|FLOOR|FLAT|TRLR'
            || '|BLDG|NUMBER|NO)\b.*)?$',
            ['house_number', 'street_name']
        ) AS place
    FROM glued
    LEFT JOIN nickname ON glued.first_name = nickname.name
)

SELECT
    record_key,
    feed,
    middle_name,
    first_forms,
    NULLIF(first_name, '') AS first_name,
    REPLACE(last_words, ' ', '') AS last_name,
    SPLIT_PART(last_words, ' ', 1) AS last_part_1,
    CASE
        WHEN INSTR(last_words, ' ') > 0 THEN SPLIT_PART(last_words, ' ', -1)
    END AS last_part_2,
    NULLIF(first_name, '') || ' ' || REPLACE(last_words, ' ', '') AS full_name,
    CASE
        WHEN generation_word IN ('SR', 'SNR', 'SENIOR', 'I') THEN 1
        WHEN
            generation_word
            IN ('JR', 'JNR', 'JUNIOR', 'II', '2', '2ND')
            THEN 2
        WHEN generation_word IN ('III', '3', '3RD') THEN 3
        WHEN generation_word IN ('IV', '4', '4TH') THEN 4
        WHEN generation_word IN ('V', '5', '5TH') THEN 5
    END AS generation,
    CASE
        WHEN
            birth_date NOT IN (
                DATE '0001-01-01', DATE '1111-11-11', DATE '1753-01-01', DATE '1800-01-01',
                DATE '1899-12-30', DATE '1899-12-31', DATE '1900-01-01', DATE '1901-01-01',
                DATE '2099-12-31', DATE '2222-02-22', DATE '9999-01-01', DATE '9999-12-31'
            )
            AND birth_date <= COALESCE($night, DATE '9999-12-31')
            THEN birth_date
    END AS dob,
    CASE WHEN sex IN ('M', 'F') THEN sex END AS sex,
    CASE
        WHEN
            REGEXP_FULL_MATCH(ssn, '[0-8][0-9]{8}')
            AND NOT REGEXP_MATCHES(ssn, '^(?:000|666)|^...00|0000$|^(?:1{9}|2{9}|3{9}|4{9}|5{9})$')
            AND NOT REGEXP_MATCHES(ssn, '^(?:7{9}|8{9})$')
            AND ssn NOT IN ('123456789', '012345678', '111223333', '078051120', '219099999')
            THEN ssn
    END AS ssn,
    CASE
        WHEN
            LENGTH(state_id) >= 4
            AND REGEXP_MATCHES(state_id, '[1-9]')
            AND NOT REGEXP_FULL_MATCH(state_id, '[A-Z]*9+')
            THEN state_id
    END AS state_id,
    CASE
        WHEN
            REGEXP_FULL_MATCH(phone, '1?[2-9][0-9]{2}[2-9][0-9]{6}.*')
            AND NOT REGEXP_MATCHES(phone, '^1?(?:2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10})')
            THEN SUBSTR(LTRIM(phone, '1'), 1, 10)
    END AS phone,
    CASE
        WHEN
            REGEXP_FULL_MATCH(email, '[^@\s]+@[^@\s]+\.[^@\s]+')
            AND NOT REGEXP_MATCHES(
                email, '^(?:none|no|na|n/a|noemail|unknown|refused|declined|test|null|nomail)@'
            )
            THEN email
    END AS email,
    NULLIF(place['house_number'], '') || ' ' || REPLACE(place['street_name'], ' ', '') AS address,
    NULLIF(place['house_number'], '') AS house_number,
    CASE
        WHEN
            NOT REGEXP_FULL_MATCH(
                place['street_name'],
                '|UNKNOWN|HOMELESS|NONE|TRANSIENT|GENERAL DELIVERY|NO (FIXED|PERMANENT).*'
            )
            THEN REPLACE(place['street_name'], ' ', '')
    END AS street_name,
    CASE
        WHEN LENGTH(zip) >= 5 AND SUBSTR(zip, 1, 5) NOT IN ('00000', '99999', '12345')
            THEN SUBSTR(zip, 1, 5)
    END AS zip5
FROM located
