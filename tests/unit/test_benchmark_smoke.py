"""The benchmark's lower bound does the same work as Concord, or it bounds nothing."""

from benchmarks import bound, concord_way, releasing
from benchmarks.measuring import Figures
from benchmarks.served import prepare


def test_the_lower_bound_publishes_as_many_rows_as_concord(tmp_path) -> None:
    served = prepare(tmp_path / "county", persons=2_500, events=9_000, seed=7)
    home = tmp_path / "home"
    ours, theirs = Figures("concord"), Figures("bound")
    concord_way.run(served, home, ours)
    bound.run(served, home, tmp_path / "bound", theirs)
    assert ours.rows["attendance_event"] > 0
    assert ours.rows["reported_assault"] > 0
    assert theirs.rows == ours.rows


def test_a_big_tables_way_out_is_measured_over_all_its_rows(tmp_path) -> None:
    ours, bare = releasing.measure(tmp_path / "releasing", 4_000)
    assert bare.rows == {"arrest": 4_000}
    assert [stage.name for stage in ours.stages] == [
        "read", "de-identify", "curate", "check", "publish",
    ]  # fmt: skip
