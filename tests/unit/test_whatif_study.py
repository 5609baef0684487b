"""What many replays come to: budgets, table, JSON, picture, recommendation."""

import json
from pathlib import Path

import pytest

from tests.unit.test_whatif_replay import alike, trace
from whatif.plot import draw
from whatif.replay import Outcome
from whatif.report import as_json, summary, table
from whatif.study import Cell, budget_range, recommend, study
from whatif.trace import Access, Thing, Trace

MB = 1_000_000


def cell(policy: str, mb: int, load_seconds: float, refused: int = 0) -> Cell:
    return Cell(policy, mb * MB, Outcome(900 - refused, 100, refused, load_seconds, 7, mb * MB))


def test_budgets_go_from_the_largest_thing_to_all_of_them() -> None:
    """Fails when the smallest budget refuses somebody, and when the largest is missing."""
    uneven = trace("abc", a=Thing(50, 1.0), b=Thing(40, 1.0), c=Thing(10, 1.0))

    assert budget_range(uneven, 6) == (50, 60, 70, 80, 90, 100)
    assert budget_range(trace("a", a=Thing(5, 1.0)), 6) == (5,)


def test_every_policy_is_replayed_within_every_budget() -> None:
    """Fails when they come in the order in which they are ready."""
    told: list[tuple[int, int]] = []

    cells = study(
        alike("abcabc"),
        ("lru", "farthest-next-use"),
        (1, 2, 3),
        max_entries=9,
        workers=1,
        progress=lambda done, of: told.append((done, of)),
    )

    assert [(c.policy, c.budget, c.outcome.hits) for c in cells] == [
        *(("lru", 1, 0), ("lru", 2, 0), ("lru", 3, 3)),
        *(("farthest-next-use", 1, 0), ("farthest-next-use", 2, 2), ("farthest-next-use", 3, 3)),
    ]
    assert told == [(done, 6) for done in range(1, 7)]


def test_several_processes_find_what_one_finds() -> None:
    """Fails when results are given to the wrong jobs."""
    found = [
        study(
            alike("abcabcaab"),
            ("gdsf", "lru"),
            (1, 2),
            max_entries=9,
            workers=workers,
            progress=lambda _done, _of: None,
        )
        for workers in (1, 2)
    ]

    assert found[0] == found[1]


def test_recommended_is_the_smallest_budget_that_saves_95_per_cent_of_what_can_be_saved() -> None:
    """Of 840 s the best saves 800. Fails when the best itself is taken, when the clairvoyant one
    counts, and when lfu does.
    """
    advice = recommend(
        [
            *(cell("lru", 1, 90.0), cell("lru", 2, 81.0), cell("lru", 3, 40.0)),
            *(cell("gdsf", 1, 81.0), cell("gdsf", 2, 79.0), cell("gdsf", 3, 40.0)),
            *(cell("farthest-next-use", 1, 20.0), cell("lfu", 1, 10.0)),
        ],
        uncached=840.0,
    )

    assert advice is not None
    assert advice.cell == cell("gdsf", 2, 79.0)
    assert advice.reason == (
        "gdsf within 2 MB loads 79.0 s per 1,000 requests and so saves at least 95 % of the load"
        " time that the best replay saves (lru within 3 MB, 40.0 s); lru needs 3 MB for that."
    )


def test_where_nothing_can_be_saved_the_best_is_recommended() -> None:
    """Fails when the best itself is not good enough, by a rounding error."""
    advice = recommend([cell("lru", 1, 0.3), cell("lru", 2, 0.3)], uncached=0.1 + 0.1 + 0.1)

    assert advice is not None
    assert advice.cell.budget == MB


def test_a_budget_that_refuses_somebody_is_not_recommended() -> None:
    """Fails when a model that never fits is taken for a cheap one."""
    advice = recommend([cell("lru", 1, 10.0, refused=5), cell("lru", 2, 30.0)], 100.0)

    assert advice is not None
    assert advice.cell.budget == 2 * MB


@pytest.mark.parametrize("cells", [[], [cell("lfu", 1, 1.0)], [cell("lru", 1, 1.0, refused=1)]])
def test_where_nothing_can_be_recommended_there_is_no_recommendation(cells: list[Cell]) -> None:
    assert recommend(cells, 9.0) is None


def test_the_reason_says_when_another_policy_never_comes_near() -> None:
    """Fails when only the chosen policy is spoken of."""
    advice = recommend([cell("gdsf", 1, 10.0), cell("lru", 1, 20.0)], 100.0)

    assert advice is not None
    assert advice.reason == (
        "gdsf within 1 MB loads 10.0 s per 1,000 requests, the least of these replays;"
        " lru comes near that within none of these budgets."
    )


def test_the_table_has_a_line_for_each_budget() -> None:
    """Fails when columns and policies are mixed up, and when refusals are not told."""
    lines = table(
        [
            cell("gdsf", 1, 80.0, refused=5),
            cell("gdsf", 2, 40.0),
            cell("lru", 1, 90.0),
            cell("lru", 2, 9.0),
        ]
    ).splitlines()

    assert [line.split() for line in lines] == [
        ["gdsf", "lru"],
        ["budget", "MB", "hit", "%", "s/1000", "hit", "%", "s/1000"],
        [
            "1",
            "89.5",
            "80.0",
            "90.0",
            "90.0",
            *["5", "requests", "for", "models", "that", "do", "not", "fit"],
        ],
        ["2", "90.0", "40.0", "90.0", "9.0"],
    ]


def test_the_summary_tells_what_is_left_out() -> None:
    """Fails when accesses are dropped in silence."""
    partly = Trace({"a": Thing(5 * MB, 1.0)}, (Access(0.0, "a"), Access(7200.0, "a")), {"b": 3})

    text = summary(partly)

    assert text.startswith("2 requests for 1 models of 5 MB together, over 2.0 hours.")
    assert "Left out: 3 requests for models of which no load is known (b)" in text


def test_the_json_has_every_result_and_the_recommendation() -> None:
    """Fails when megabytes stand where bytes are said."""
    cells = [cell("gdsf", 2, 40.0), cell("lfu", 2, 50.0)]
    found = json.loads(as_json(alike("ab"), cells, recommend(cells, 99.0)))

    assert found["trace"]["requests"] == 2
    assert found["trace"]["models"]["a"] == {"bytes": 1, "load_seconds": 1.0}
    assert [(r["policy"], r["offered"], r["load_seconds"]) for r in found["results"]] == [
        ("gdsf", True, 40.0),
        ("lfu", False, 50.0),
    ]
    assert found["recommendation"]["budget_bytes"] == 2 * MB
    assert json.loads(as_json(alike("ab"), [], None))["recommendation"] is None


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    cells = [cell(name, mb, 80.0 / mb) for name in ("gdsf", "lfu") for mb in (1, 2)]

    for advice in (recommend(cells, 99.0), None):
        draw(cells, advice, tmp_path / "plot.png")

        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
