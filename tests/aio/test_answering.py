"""Answering outlives the death of runners. The runners are fakes; cache and dispatch are real."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cache.policy import Limits
from cache.ports import Terms
from cache.residency import Residency
from models.answering import Answering
from models.dispatch import Dispatcher
from models.engines import Row
from models.errors import InferenceFailed, RunnerDied, RunnerGone
from models.loader import LiveModel
from models.runner import Answer
from tests.aio.test_directory import stored
from tests.fakes import FakeClock, RecordingObserver, settle
from tests.fakes_serving import on_cpu

POISON = "poison"
UNREADABLE = "unreadable"


class FragileRunner:
    """Answers each text with its length; dies of POISON, and takes its other calls with it."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.batch_proof = device != "cpu"
        self.footprint = 10
        self.read: list[str] = []
        self._ended = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def predict(
        self, texts: Sequence[str], *, timeout: float
    ) -> list[Answer | InferenceFailed]:
        if self._ended.is_set():
            raise RunnerGone("it has ended")
        self.read.extend(texts)
        if POISON in texts:
            self._ended.set()
        gate, ended = (asyncio.ensure_future(e.wait()) for e in (self.gate, self._ended))
        await asyncio.wait([gate, ended], return_when=asyncio.FIRST_COMPLETED)
        gate.cancel()
        ended.cancel()
        if self._ended.is_set():
            raise RunnerDied("it ended during the call")
        return [
            InferenceFailed("nothing to read")
            if text == UNREADABLE
            else Answer(Row((float(len(text)), 0.0), len(text), truncated=False), 0.001)
            for text in texts
        ]

    async def measure(self) -> int:
        return self.footprint

    async def close(self) -> None:
        self._ended.set()

    async def wait_ended(self) -> None:
        await self._ended.wait()


@dataclass
class FragileLoader:
    device: str = "cpu"
    runners: list[FragileRunner] = field(default_factory=list)

    async def terms(self, key: str) -> Terms:
        return Terms(size_estimate=10)

    async def load(self, key: str) -> LiveModel:
        self.runners.append(FragileRunner(self.device))
        return on_cpu(stored(key), self.runners[-1])


class Bench:
    def __init__(self, cores: int = 2, device: str = "cpu") -> None:
        self.loader = FragileLoader(device)
        self.residency: Residency[LiveModel] = Residency(
            self.loader, FakeClock(), lambda: Limits(100, 100, 10), RecordingObserver()
        )
        self.answering = Answering(self.residency, Dispatcher(cores), str, inference_timeout=5)

    async def lengths(self, *texts: str) -> list[float]:
        answers = await self.answering.answer("m", texts)
        return [answered.row.probabilities[0] for answered in answers]


async def test_a_batch_is_answered_in_order() -> None:
    assert await Bench().lengths("a", "bbb", "cc") == [1, 3, 2]


async def test_only_the_first_answers_of_a_cold_model_are_misses() -> None:
    bench = Bench()

    cold = await bench.answering.answer_one("m", "a")
    warm = await bench.answering.answer_one("m", "a")

    assert (cold.hit, warm.hit) == (False, True)


async def test_a_text_whose_runner_dies_is_asked_again_on_a_fresh_one() -> None:
    bench = Bench()
    await bench.lengths("a")
    bench.loader.runners[0].gate.clear()
    pending = asyncio.create_task(bench.answering.answer_one("m", "bb"))
    await asyncio.sleep(0)

    await bench.loader.runners[0].close()

    assert (await pending).row.probabilities[0] == 2
    assert len(bench.loader.runners) == 2


async def test_a_text_that_kills_two_runners_fails_with_a_clear_error() -> None:
    bench = Bench()

    with pytest.raises(RunnerDied, match="died twice"):
        await bench.answering.answer_one("m", POISON)

    assert len(bench.loader.runners) == 2


async def test_a_poisonous_text_does_not_fail_those_who_were_asked_beside_it() -> None:
    """Fails when a runner that died before it read a text counts against that text."""
    bench = Bench(cores=4)
    texts = ["a", "bb", POISON, "ccc"]

    answers = await asyncio.gather(
        *(bench.answering.answer_one("m", text) for text in texts), return_exceptions=True
    )

    assert [isinstance(answer, RunnerDied) for answer in answers] == [False, False, True, False]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
async def test_a_poisonous_text_fails_its_batch_and_nobody_else(device: str) -> None:
    bench = Bench(cores=4, device=device)

    batch = asyncio.create_task(bench.lengths("a", POISON, "bb"))
    other = asyncio.create_task(bench.lengths("cccc"))

    with pytest.raises(RunnerDied):
        await batch
    assert await other == [4]


async def test_an_error_of_one_text_ends_the_batch_and_its_leases() -> None:
    bench = Bench()

    with pytest.raises(InferenceFailed):
        await bench.lengths("a", UNREADABLE, "b")

    entry = bench.residency.entry("m")
    assert entry is not None
    assert entry.leases == 0


async def test_a_batch_keeps_its_model_resident_between_two_texts() -> None:
    """Fails when each text takes a lease of its own and an eviction is waiting."""
    bench = Bench(cores=1)
    await bench.lengths("warm")
    bench.residency.pin("m", pinned=False)

    batch = asyncio.create_task(bench.lengths("a", "b", "c"))
    await asyncio.sleep(0)
    unload = asyncio.create_task(bench.residency.unload("m"))

    assert await batch == [1, 1, 1]
    await unload
    assert len(bench.loader.runners) == 1


async def test_a_long_batch_does_not_hold_up_a_single_text() -> None:
    """Of what takes 1 ms two cores are given two, and work for 10 ms: four for each at most.

    Planted fault: letting the whole batch queue at once put the single text last.
    """
    bench = Bench(cores=2)
    await bench.lengths("warm")
    runner = bench.loader.runners[0]
    runner.gate.clear()
    batch = asyncio.create_task(bench.lengths(*["batch"] * 1000))
    await settle()
    single = asyncio.create_task(bench.answering.answer_one("m", "single"))
    await settle()

    runner.gate.set()
    await asyncio.gather(batch, single)

    assert runner.read.index("single") <= len(["warm"]) + 2 + 8 + 1


async def test_texts_that_were_in_a_run_with_poison_are_asked_again_each_alone() -> None:
    """Planted fault: asked again in company, one innocent died of the poison a second time."""
    bench = Bench(device="cuda:0")
    await bench.lengths("warm")
    bench.loader.runners[0].gate.clear()
    first = asyncio.create_task(bench.answering.answer_one("m", "first"))
    await settle()
    texts = ["a", POISON, "ccc", POISON, "ddddd"]
    tasks = [asyncio.create_task(bench.answering.answer_one("m", text)) for text in texts]
    await settle()
    bench.loader.runners[0].gate.set()

    answers = await asyncio.gather(*tasks, return_exceptions=True)
    await first

    assert bench.loader.runners[0].read == ["warm", "first", *texts]
    died = [isinstance(answer, RunnerDied) for answer in answers]
    assert died == [text == POISON for text in texts]


async def test_a_batch_goes_on_after_the_death_of_a_runner_that_none_of_its_texts_killed() -> None:
    bench = Bench()
    await bench.lengths("warm")
    bench.loader.runners[0].gate.clear()
    batch = asyncio.create_task(bench.lengths(*["a", "bb", "ccc"] * 10))
    await settle()

    await bench.loader.runners[0].close()

    assert await batch == [1, 2, 3] * 10
    assert len(bench.loader.runners) == 2
