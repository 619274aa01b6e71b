"""Whatever becomes of a packed file, it opens as it was packed or is held."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from concord.exceptions import DeliveryHeld
from concord.landing.unpacking import unpack
from tests.faults.test_archives import BODY, zipped

PACKED = {"gzip": gzip.compress(BODY), "zip": zipped(person=BODY, other=b"x")}


@pytest.mark.parametrize("packing", PACKED)
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 20),
)
@example(changes=[(6, 0x20)], cut=0)  # a zip of patches
@example(changes=[(6, 0x40)], cut=0)  # a strongly encrypted zip
def test_changed_bytes_are_held_or_do_no_harm(packing, changes, cut) -> None:
    data = bytearray(PACKED[packing])
    for place, value in changes:
        data[place % len(data)] = value
    with tempfile.TemporaryDirectory() as name:
        packed, into = Path(name) / "packed", Path(name) / "plain"
        packed.write_bytes(data[: len(data) - cut])
        member = "person" if packing == "zip" else None
        limits = {"member": member, "max_bytes": 10**6}
        try:
            unpack(packed, into, packing, feed="f", table="t", **limits)
        except DeliveryHeld:
            assert not into.exists()
        else:
            assert into.read_bytes() == BODY
