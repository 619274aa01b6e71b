"""Sealed files: any bytes anywhere, and nothing of them on the disk."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.spilling import UNIT, SealedFile, SealedScratch

writes = st.lists(
    st.tuples(st.integers(0, 3 * UNIT), st.binary(min_size=1, max_size=200)), max_size=8
)


def opened(folder: Path, name: str = "one.tmp") -> SealedFile:
    return SealedScratch(folder).open(f"sealed://{name}", "rb+")


@given(parts=writes)
def test_what_was_written_last_is_read_back_from_any_place(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, bytes]]
) -> None:
    plain: dict[int, int] = {}
    with opened(tmp_path_factory.mktemp("scratch")) as file:
        for at, data in parts:
            file.seek(at)
            file.write(data)
            plain |= dict(enumerate(data, at))
        file.seek(0)
        found = file.read(4 * UNIT)
    assert {place: found[place] for place in plain} == plain


def test_equal_bytes_differ_on_the_disk_by_place_file_and_process(
    tmp_path: Path,
) -> None:
    scratch = SealedScratch(tmp_path)
    for name in ("one.tmp", "two.tmp"):
        with scratch.open(f"sealed://{name}") as file:
            file.write(b"Quillfeather".ljust(UNIT) * 2)
    with opened(tmp_path, "three.tmp") as file:
        file.write(b"Quillfeather".ljust(UNIT) * 2)
    units = [
        data[start : start + UNIT]
        for path in sorted(tmp_path.iterdir())
        for data in [path.read_bytes()]
        for start in (0, UNIT)
    ]
    assert len(set(units)) == 6
    assert not [unit for unit in units if b"Quill" in unit]


def test_threads_that_share_a_file_do_not_move_one_another(tmp_path: Path) -> None:
    with opened(tmp_path) as file:

        def run(number: int) -> bool:
            mine = os.urandom(UNIT)
            for _ in range(20):
                file.seek(number * UNIT)
                file.write(mine)
                file.seek(number * UNIT)
                if file.read(UNIT) != mine:
                    return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(run, range(8)))


def test_a_file_that_duckdb_means_to_cut_keeps_its_blocks(tmp_path: Path) -> None:
    scratch = SealedScratch(tmp_path)
    with scratch.open("sealed://one.tmp") as file:
        file.write(b"x" * UNIT)
        scratch.touch("sealed://one.tmp", truncate=True)
        file.seek(0)
        assert file.read(UNIT) == b"x" * UNIT
