"""The benchmark's lower bound does the same work as Concord, or it bounds nothing."""

from benchmarks import bound, concord_way
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
