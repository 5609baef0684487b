"""What every place for shared answers keeps to: the fake, and a real Redis by redis-py."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from models.shared.port import Store, StoreFailed
from tests.fakes_shared import FakeStore
from tests.process.redis_server import RedisServer, redis_server
from tests.process.server import free_port

REAL = pytest.param("real", marks=pytest.mark.process)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["fake", REAL])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Connected, and empty."""
    made: Store = FakeStore()
    if request.param == "real":
        server: RedisServer = request.getfixturevalue("server")
        server.ask("FLUSHALL")
        made = real(server.url)
    await made.connect()
    yield made
    await made.aclose()


def real(url: str) -> Store:
    from models.shared.redis_store import RedisStore  # noqa: PLC0415 - not everywhere

    return RedisStore(url)


async def test_what_was_put_is_there_and_the_rest_is_not(store: Store) -> None:
    """In the order of the keys."""
    await store.put([("a", b"\x00\xff\r\n"), ("b", b"")], 60.0)

    assert list(await store.get(["b", "c", "a"])) == [b"", None, b"\x00\xff\r\n"]


async def test_what_is_put_again_is_replaced(store: Store) -> None:
    await store.put([("a", b"1")], 60.0)
    await store.put([("a", b"2")], 60.0)

    assert list(await store.get(["a"])) == [b"2"]


async def test_a_value_lives_for_its_time_rounded_up(store: Store) -> None:
    """Part of a second is a whole one. Planted fault: it was cut off, and Redis refused zero."""
    await store.put([("a", b"1")], 0.2)
    assert list(await store.get(["a"])) == [b"1"]

    async with asyncio.timeout(20):
        while list(await store.get(["a"])) != [None]:  # noqa: ASYNC110 - the store's own clock
            await asyncio.sleep(0.02)


async def test_to_read_and_to_write_go_on_at_once(store: Store) -> None:
    items = [(str(number), b"x" * 40) for number in range(128)]

    await asyncio.gather(store.put(items, 60.0), store.get(["a"]))

    assert list(await store.get(["127", "b"])) == [b"x" * 40, None]


async def test_it_is_connected_anew_after_a_call_that_was_given_up(store: Store) -> None:
    """The late answer is nobody's."""
    await store.put([("a", b"1"), ("b", b"2")], 60.0)
    asked = asyncio.ensure_future(store.get(["a"]))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    await store.connect()

    assert list(await store.get(["b"])) == [b"2"]


@pytest.mark.process
async def test_where_nobody_listens_it_fails_in_words(server: RedisServer) -> None:
    """Without the password. Planted fault: the client's own message was handed on."""
    store = real(f"redis://somebody:hunter2@127.0.0.1:{free_port()}/0")

    with pytest.raises(StoreFailed, match=r"^no connection \(") as caught:
        await store.connect()

    assert "hunter2" not in str(caught.value) + store.place
    await store.aclose()


@pytest.mark.process
async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "right") as server:
        store = real(f"redis://:wrong-one@127.0.0.1:{server.port}/0")
        with pytest.raises(StoreFailed, match=r"^it refuses the user or the password$"):
            await store.connect()
        await store.aclose()
        good = real(f"redis://:right@127.0.0.1:{server.port}/0")
        await good.connect()
        await good.aclose()


@pytest.mark.process
async def test_without_room_it_fails_to_write_and_still_reads(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        store = real(server.url)
        await store.connect()
        with pytest.raises(StoreFailed, match=r"with an error \(OutOfMemoryError\)"):
            await store.put([("a", b"1")], 60.0)

        assert list(await store.get(["a"])) == [None]
        await store.aclose()


@pytest.mark.parametrize(
    ("reply", "values"),
    [
        (b"*2\r\n-ERR upstream failure\r\n$1\r\nv\r\n", [None, b"v"]),
        (b"*2\r\n:5\r\n$-1\r\n", [None, None]),
        (b"*0\r\n", None),
        (b":5\r\n", None),
        (b"$1\r\nv\r\n", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
    ],
)
@pytest.mark.process
async def test_odd_answers_are_no_values_or_a_failure(
    reply: bytes, values: list[bytes | None] | None
) -> None:
    """Fault found: they reached those who asked, or left them waiting for good."""
    async with answering(reply) as port:
        store = real(f"redis://127.0.0.1:{port}/0")
        if values is None:
            with pytest.raises(StoreFailed):
                await store.get(["a", "b"])
        else:
            assert await store.get(["a", "b"]) == values
        await store.aclose()


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    """Something on a port that takes greetings as a Redis does, and answers all else with this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await reader.read(65536):
            greetings = words.count(b"SETINFO")
            writer.write(b"+OK\r\n" * greetings if greetings else reply)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.process
async def test_one_that_hangs_is_left_and_comes_back(tmp_path: Path) -> None:
    """Stopped: it takes connections, and answers none."""
    with redis_server(tmp_path) as server:
        store = real(server.url)
        await store.connect()
        server.send(signal.SIGSTOP)
        for call in (store.get(["a"]), store.connect()):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await call
        server.send(signal.SIGCONT)
        await store.connect()

        assert list(await store.get(["a"])) == [None]
        await store.aclose()
