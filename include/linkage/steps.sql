-- The steps by which standardise.sql makes values comparable, each by name. A value that
-- stands for no value becomes null in its step, so that it agrees with nothing.
-- FOLD, STREET_OF and PHONE_OF are functions of concord.linkage.texts, one call a value
-- that the usual form doesn't fit.

-- Capital letters without marks. FOLD is only called for text that isn't plain ASCII.
CREATE OR REPLACE TEMP MACRO folded(text) AS
CASE WHEN STRLEN(text) = LENGTH(text) THEN UPPER(text) ELSE FOLD(text) END;

CREATE OR REPLACE TEMP MACRO digits(text) AS
REGEXP_REPLACE(text, '[^0-9]', '', 'g');

-- Hyphens, slashes and commas part words; every other mark is dropped (O'BRIEN). One
-- plain word, as nearly all names are, is spared the look at every letter.
CREATE OR REPLACE TEMP MACRO name_words(text) AS
CASE
    WHEN REGEXP_FULL_MATCH(text, '[A-Z]*') THEN text
    ELSE TRIM(REGEXP_REPLACE(
        REGEXP_REPLACE(text, '[^\p{L}0-9\s,/_\x{2010}-\x{2015}-]+', '', 'g'),
        '[\s,/_\x{2010}-\x{2015}-]+', ' ', 'g'
    ))
END;

-- A generation (JR, III) is split from the name that it stands in.
CREATE OR REPLACE TEMP MACRO without_generation(words) AS
CASE
    WHEN REGEXP_FULL_MATCH(words, '[A-Z]*') THEN words
    ELSE TRIM(REGEXP_REPLACE(
        REGEXP_REPLACE(
            words, '( (JR|JNR|JUNIOR|SR|SNR|SENIOR|II|III|IV|2ND|3RD|4TH))+$', ''
        ),
        ' [0-9]+\b|[0-9]', '', 'g'
    ))
END;

CREATE OR REPLACE TEMP MACRO generation_word(first, middle, last) AS
NULLIF(REGEXP_EXTRACT(
    CONCAT_WS('|', first, middle, last),
    ' (JR|JNR|JUNIOR|SR|SNR|SENIOR|II|III|IV|2ND|3RD|4TH)(?:\||$)', 1
), '');

CREATE OR REPLACE TEMP MACRO generation_number(word) AS
CASE
    WHEN word IN ('SR', 'SNR', 'SENIOR', 'I') THEN 1
    WHEN word IN ('JR', 'JNR', 'JUNIOR', 'II', '2', '2ND') THEN 2
    WHEN word IN ('III', '3', '3RD') THEN 3
    WHEN word IN ('IV', '4', '4TH') THEN 4
    WHEN word IN ('V', '5', '5TH') THEN 5
END;

-- Words that stand where a name is not known are no name. Words that are real names
-- too (Guest, House, Son) count only beside another such word; NA, NO, TO and MAN are
-- Asian names and never count alone.
CREATE OR REPLACE TEMP MACRO known_name(words) AS
CASE
    WHEN
        words = ''
        OR REGEXP_FULL_MATCH(
            words,
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
        THEN NULL
    ELSE words
END;

-- John and Jane Doe are nobody. A real Doe with another first name is somebody.
CREATE OR REPLACE TEMP MACRO is_nobody(first, last) AS
COALESCE(
    last IN ('DOE', 'ROE')
    AND COALESCE(
        SPLIT_PART(first, ' ', 1) IN ('JOHN', 'JANE', 'JON', 'J', 'BABY', 'RICHARD'), true
    ),
    false
);

-- DE LA CRUZ is one word; what still has two words is a double surname.
CREATE OR REPLACE TEMP MACRO with_particles(last) AS
CASE
    WHEN LENGTH(last) = 1 THEN NULL
    WHEN INSTR(last, ' ') = 0 THEN last
    ELSE REGEXP_REPLACE(
        REGEXP_REPLACE(last, '\bSAINT\b', 'ST', 'g'),
        '\b(DE|DEL|DELLA|DA|DO|DOS|DAS|DI|DU|LA|LAS|LE|LOS|EL|AL|VAN|VON|ZU|ZUR|DEN|DER'
        || '|TEN|TER|ST|STA|SAN|SANTA|MC|MAC|O|D|BIN|IBN|BEN|ABU|Y) ',
        '\1', 'g'
    )
END;

-- The first of several given names; MARY ANN is MARY with the middle name ANN, LA TOYA
-- is one name.
CREATE OR REPLACE TEMP MACRO first_given_name(first) AS
CASE
    WHEN
        SPLIT_PART(first, ' ', 1)
        IN (
            'BABY', 'INFANT', 'CHILD', 'MINOR', 'PERSON', 'GUEST', 'FRIEND', 'PARENT',
            'LADY', 'GENTLEMAN', 'SENOR', 'SENORA', 'HOUSE'
        )
        THEN NULL
    WHEN INSTR(first, ' ') = 3 THEN REPLACE(first, ' ', '')
    ELSE SPLIT_PART(first, ' ', 1)
END;

CREATE OR REPLACE TEMP MACRO other_given_names(first) AS
CASE WHEN INSTR(first, ' ') NOT IN (0, 3) THEN SUBSTR(first, INSTR(first, ' ') + 1) END;

-- Dates that systems write where none is known; nobody was born after the night.
CREATE OR REPLACE TEMP MACRO known_birth_date(birth_date, night) AS
CASE
    WHEN
        birth_date NOT IN (
            DATE '0001-01-01', DATE '1111-11-11', DATE '1753-01-01', DATE '1800-01-01',
            DATE '1899-12-30', DATE '1899-12-31', DATE '1900-01-01', DATE '1901-01-01',
            DATE '2099-12-31', DATE '2222-02-22', DATE '9999-01-01', DATE '9999-12-31'
        )
        AND birth_date <= COALESCE(night, DATE '9999-12-31')
        THEN birth_date
END;

-- Numbers that the Social Security Administration issues, and not those of advertising.
CREATE OR REPLACE TEMP MACRO known_ssn(number) AS
CASE
    WHEN
        REGEXP_FULL_MATCH(number, '[0-8][0-9]{8}')
        AND NOT REGEXP_MATCHES(number, '^(?:000|666)|^...00|0000$|^(?:1{9}|2{9}|3{9}|4{9}|5{9})$')
        AND NOT REGEXP_MATCHES(number, '^(?:7{9}|8{9})$')
        AND number NOT IN ('123456789', '012345678', '111223333', '078051120', '219099999')
        THEN number
END;

-- A state id, student number or medical record number: letters and digits, not all of
-- them noughts or nines, nor the digits in a row.
CREATE OR REPLACE TEMP MACRO known_number(text) AS
CASE
    WHEN
        LENGTH(text) >= 4
        AND REGEXP_MATCHES(text, '[1-9]')
        AND NOT REGEXP_FULL_MATCH(text, '[A-Z]*9+|123456?7?8?9?0?')
        THEN text
END;

-- Ten digits of the North American plan; PHONE_OF reads what is written otherwise.
CREATE OR REPLACE TEMP MACRO known_phone(text, number) AS
CASE
    WHEN REGEXP_MATCHES(number, '^1?(?:2{10}|3{10}|4{10}|5{10}|6{10}|7{10}|8{10}|9{10})')
        THEN NULL
    WHEN REGEXP_FULL_MATCH(number, '1?[2-9][0-9]{2}[2-9][0-9]{6}') THEN RIGHT(number, 10)
    WHEN LENGTH(text) >= 8 THEN PHONE_OF(text)
END;

CREATE OR REPLACE TEMP MACRO known_email(text) AS
CASE
    WHEN
        REGEXP_FULL_MATCH(text, '[^@\s]+@[^@\s]+\.[^@\s]+')
        AND NOT REGEXP_MATCHES(
            text, '^(?:none|no|na|n/a|noemail|unknown|refused|declined|test|null|nomail)@'
        )
        THEN text
END;

CREATE OR REPLACE TEMP MACRO known_zip(number) AS
CASE
    WHEN LENGTH(number) >= 5 AND SUBSTR(number, 1, 5) NOT IN ('00000', '99999', '12345')
        THEN SUBSTR(number, 1, 5)
END;

CREATE OR REPLACE TEMP MACRO street_words(text) AS
TRIM(REGEXP_REPLACE(
    REPLACE(REPLACE(text, '#', ' UNIT '), '''', ''), '[^\p{L}0-9]+', ' ', 'g'
));

-- "123 N Main St Apt 4" is house 123 on MAIN: agencies differ in all the rest.
CREATE OR REPLACE TEMP MACRO street_parts(words) AS
REGEXP_EXTRACT(
    words,
    '^(?:([0-9]+[A-Z]?) )?'
    || '(?:(?:N|S|E|W|NE|NW|SE|SW|NORTH|SOUTH|EAST|WEST|NORTHEAST|NORTHWEST|SOUTHEAST'
    || '|SOUTHWEST) )?'
    || '(.+?)'
    || '(?: (STREET|ST|STR|AVENUE|AVE|AV|AVNUE|ROAD|RD|DRIVE|DR|DRV|LANE|LN|COURT|CT'
    || '|CIRCLE|CIR|BOULEVARD|BLVD|BLV|PLACE|PL|TERRACE|TER|TERR|TRAIL|TRL|TR|PARKWAY'
    || '|PKWY|PKY|HIGHWAY|HWY|WAY|WY|SQUARE|SQ|LOOP|CROSSING|XING|COVE|CV|POINT|PT))?'
    || '(?: (?:N|S|E|W|NE|NW|SE|SW|NORTH|SOUTH|EAST|WEST))?'
    || '(?: (?:APT|APARTMENT|APTMNT|UNIT|UN|STE|SUITE|LOT|RM|ROOM|FL|FLOOR|FLAT|TRLR'
    || '|BLDG|NUMBER|NO)\b.*)?$',
    ['house_number', 'street_name', 'street_type']
);

-- House and street of a text without a house number or a kind of street are asked of
-- STREET_OF (usaddress); where it can't tell either, the parts stay as they are.
CREATE OR REPLACE TEMP MACRO place_of(words, parts) AS
CASE
    WHEN parts['house_number'] <> '' AND parts['street_type'] <> ''
        THEN parts['house_number'] || '|' || parts['street_name']
    ELSE COALESCE(STREET_OF(words), parts['house_number'] || '|' || parts['street_name'])
END;

CREATE OR REPLACE TEMP MACRO known_street(street_name) AS
CASE
    WHEN
        NOT REGEXP_FULL_MATCH(
            street_name,
            ' *|UNKNOWN|HOMELESS|NONE|TRANSIENT|GENERAL DELIVERY|NO (FIXED|PERMANENT).*'
        )
        THEN REPLACE(street_name, ' ', '')
END;
