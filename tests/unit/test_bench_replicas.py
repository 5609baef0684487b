"""What `scripts/bench replicas` makes of the answers it had."""

import asyncio

import pytest

from bench.replicas import proxy
from bench.replicas.asking import Asked, ask, failed, hit_rate
from bench.replicas.judging import homes, more, shares, strays
from bench.replicas.routing import WAYS
from bench.traffic import Request

FAILED = Asked("a", 0.0, 1.0, failure="503 OVERLOADED")


def asked(model: str, replica: str, *, hit: bool = True) -> Asked:
    return Asked(model, 0.0, 1.0, replica, hit)


def test_the_hit_rate_is_of_those_that_were_answered() -> None:
    given = [asked("a", "r1"), asked("a", "r1", hit=False), FAILED]

    assert (hit_rate(given), failed(given)) == (0.5, 1)


def test_a_replica_s_share_is_the_models_it_has_answered_for() -> None:
    """Planted fault: requests counted in place of models."""
    given = [asked("a", "r1"), asked("a", "r1"), asked("b", "r2"), asked("c", "r2"), FAILED]

    assert homes(given) == {"a": {"r1"}, "b": {"r2"}, "c": {"r2"}}
    assert shares(given) == "2 / 1"


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ({"a": {"r2"}, "b": {"r2"}}, []),
        ({"a": {"r2"}, "b": {"r2", "r3"}}, ["b"]),
        ({"a": {"r1"}}, []),
    ],
)
def test_a_stray_is_a_model_of_the_others_that_moved_although_its_replica_was_there(
    after: dict[str, set[str]], found: list[str]
) -> None:
    """Planted fault: the lost replica's models counted too."""
    before = {"a": frozenset({"r1"}), "b": frozenset({"r2"})}

    assert strays(before, {m: frozenset(r) for m, r in after.items()}, "r1") == found


def test_loads_are_counted_where_there_is_somebody_left_to_ask() -> None:
    before = {"r1": {"a": 1, "b": 0}, "r2": {"a": 0, "b": 3}}
    after = {"r2": {"a": 2, "b": 4}}

    assert more(before, after, ["a"]) == 2
    assert more(before, after, ["a", "b"]) == 3


@pytest.mark.parametrize("way", WAYS)
def test_what_is_compared_is_the_project_s_own_file_with_a_line_changed(way: str) -> None:
    """Planted fault: another name of the variable in the file."""
    own = proxy.changed({}).splitlines()
    other = proxy.changed(WAYS[way]).splitlines()

    assert len(set(own) ^ set(other)) == {"hashing": 0, "round robin": 2}.get(way, 1)


def test_a_line_that_is_not_in_the_file_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="has no 'balance nothing'"):
        proxy.changed({"balance nothing": ""})


async def test_only_an_answer_that_breaks_off_is_asked_for_once_more() -> None:
    """Planted fault: each that has no whole answer asked for again."""
    head = b"HTTP/1.1 200 OK\r\nX-Served-By: r1\r\nContent-Length: 18\r\n\r\n"
    given = iter([head, head + b'{"cache_hit":true}', b"", head])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(next(given))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (first,) = await ask(port, [Request("a", "x")], callers=1)
        (second,) = await ask(port, [Request("b", "y")], callers=1)

    assert (first.again, first.failure, first.replica, first.hit) == (True, "", "r1", True)
    assert second.failure.startswith("no answer")
    assert list(given) == [head]
