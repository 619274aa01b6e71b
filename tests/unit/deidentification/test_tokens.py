import pickle

import pyarrow as pa
import pytest

from concord.deidentification.tokens import Tokeniser, check_prefixes, prefix
from concord.exceptions import ContractError, KeyCustodyError

KEY = bytes(range(32))


def test_token_is_the_same_for_ever():
    """A change of this value changes every release: it would break its readers."""
    tokens = Tokeniser(KEY, "research", "1")

    assert tokens.token("incident", "IN00000001") == "inc_vgh6anfe63ytjsbacyp315qkq0"


def test_nothing_has_no_token():
    values = pa.array(["a", None, "", "a"])

    first, null, empty, again = Tokeniser(KEY, "research", "1").tokens("case", values)

    assert first == again
    assert first.as_py().startswith("cas_")
    assert null.as_py() is None
    assert empty.as_py() is None
    with pytest.raises(ValueError, match="no token"):
        Tokeniser(KEY, "research", "1").token("case", "")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([], pa.string()),
        pa.chunked_array([], pa.string()),
        pa.array([None, ""], pa.string()),
    ],
    ids=["array", "chunked", "only nothing"],
)
def test_columns_without_values_are_columns_without_tokens(values: pa.Array):
    tokens = Tokeniser(KEY, "research", "1").tokens("case", values)

    assert tokens.type == pa.string()
    assert tokens.null_count == len(tokens) == len(values)


def test_chunks_coded_and_large_text_have_the_tokens_of_plain_text():
    tokens = Tokeniser(KEY, "research", "1")
    plain = ["a", "b", None, "a", "ü"]
    expected = tokens.tokens("case", pa.array(plain)).to_pylist()

    for column in (
        pa.chunked_array([plain[:2], plain[2:]], pa.string()),
        pa.array(plain).dictionary_encode(),
        pa.array(plain, pa.large_string()),
        pa.array(plain, pa.string_view()),
    ):
        assert tokens.tokens("case", column).to_pylist() == expected


def test_more_values_than_a_chunk_keep_their_order():
    values = [str(number) for number in range(70_000)]
    tokens = Tokeniser(KEY, "research", "1")

    column = tokens.tokens("case", pa.array(values))

    for at in (0, 65_535, 65_536, 69_999):
        assert column[at].as_py() == tokens.token("case", values[at])


def test_tokeniser_never_shows_or_lends_its_key():
    tokens = Tokeniser(KEY, "research", "1")

    assert repr(tokens) == "Tokeniser('research', epoch '1')"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(tokens)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)], ids=len)
def test_a_key_of_another_length_is_refused_without_being_shown(key: bytes):
    with pytest.raises(KeyCustodyError, match=f"has {len(key)} bytes, 32 are needed"):
        Tokeniser(key, "research", "1")


@pytest.mark.parametrize(
    ("profile", "epoch"), [("", "1"), ("research", ""), ("a\0b", "1")]
)
def test_a_profile_or_epoch_that_could_pass_for_another_is_refused(
    profile: str, epoch: str
):
    with pytest.raises(ContractError, match="need a name without NUL"):
        Tokeniser(KEY, profile, epoch)


def test_prefixes_are_three_letters_of_the_entity_or_its_own():
    assert prefix("person") == "per"
    assert prefix("agency") == "agy"
    assert prefix("discipline_incident") == "din"


@pytest.mark.parametrize("entity", ["ab", "a_b", "Incident", "1st"])
def test_an_entity_without_three_letters_is_refused(entity: str):
    with pytest.raises(ContractError, match=f"entity '{entity}' does not begin"):
        prefix(entity)


def test_entities_whose_tokens_would_look_alike_are_refused():
    check_prefixes(["person", "place", "incident", "incident", "discipline_incident"])

    with pytest.raises(ContractError, match="'permit' and 'person' would both"):
        check_prefixes(["person", "place", "permit"])
