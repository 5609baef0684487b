"""The parts of `scripts/bench` that compare the service with others."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench import rivals
from bench.document import as_page, write_page
from bench.environment import plain_environment
from bench.hammer import Reply, Round, drive
from bench.http import Unanswered, get, post
from bench.processes import ServerFailed
from bench.report import Bar, Report, Section, Table
from bench.speed import fleet, idle, serving
from bench.speed.serving import Trial, best, tail
from bench.texts import LONGEST, SHORTEST, TOPICS, agreement, plain, texts
from tests.process.server import ROOT

BENCH = (sys.executable, "-m", "bench.cli")
BASELINES_THERE = (ROOT / "build" / "bench-venv" / "torch.lock").is_file()


def test_texts_are_distinct_of_the_length_asked_and_the_same_every_time() -> None:
    """Planted fault: a seed that is not used."""
    read = texts(500, 3)

    assert len({text.words for text in read}) == 500
    assert {len(text.words.split()) for text in read} == set(range(SHORTEST, LONGEST + 1))
    assert {text.topic for text in read} == set(range(len(TOPICS)))
    assert read == texts(500, 3)
    assert not set(plain(500, 3)) & set(plain(500, 4))


def test_agreement_is_the_part_of_the_labels_that_are_the_same() -> None:
    assert agreement(["a", "b", "c", ""], ["a", "b", "d", "d"]) == 0.5


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A server that gives these answers to the requests of each connection, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, answers), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, answers: Sequence[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, answers), daemon=True).start()


def _answer(connection: socket.socket, answers: Sequence[bytes]) -> None:
    with connection, suppress(OSError):
        for answer in answers:
            asked = connection.recv(65536)
            if not asked:
                return
            for piece in answer.replace(b"BODY", asked.rpartition(b"\r\n\r\n")[2]).split(b"^"):
                connection.sendall(piece)


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_replies_come_in_the_order_of_the_requests_whoever_asked() -> None:
    """Planted fault: replies in the order in which they came."""
    todo = [post("/x", {"n": n}) for n in range(20)]
    echoed = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nBODY"

    with answering(*[echoed] * 20) as port:
        done = drive(
            port,
            [
                request.replace(b'": ', b'":  ' if n < 10 else b'": ')
                for n, request in enumerate(todo)
            ],
            4,
        )

    assert done.labels("n") == [str(n) for n in range(20)]
    assert done.failed == 0
    assert done.rate == pytest.approx(20 / done.seconds)


def test_an_answer_may_come_in_pieces() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Le^ngth: 4\r\n\r\nab^cd") as port:
        done = drive(port, [get("/")], 1)

    assert [reply.body for reply in done.replies] == [b"abcd"]


def test_what_is_refused_counts_as_failed_and_not_as_answered() -> None:
    """Planted fault: failed requests in the rate."""
    refused = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}"

    with answering(ok(b"{}"), refused) as port:
        done = drive(port, [get("/"), get("/")], 1)

    assert (done.failed, len(done.replies)) == (1, 2)
    assert done.rate == pytest.approx(1 / done.seconds)
    assert done.labels("label") == ["", ""]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ((b"HTTP/1.1 200 OK\r\n\r\n",), "no Content-Length"),
        ((ok(b"{}"),), "a connection was closed"),
    ],
)
def test_who_does_not_answer_is_told(answers: Sequence[bytes], why: str) -> None:
    with answering(*answers) as port, pytest.raises(Unanswered, match=why):
        drive(port, [get("/"), get("/")], 1)


def test_milliseconds_are_a_quantile_of_all_replies() -> None:
    done = Round(1.0, [Reply(200, n / 1000, b"") for n in range(1, 101)])

    assert done.milliseconds(0.99) == pytest.approx(99)


def trial(who: str, rate: float, p99: float | None = None) -> Trial:
    return Trial(who, rate, None if p99 is None else 10.0, p99, 0, 1.0)


def test_the_best_of_several_is_the_one_with_the_best_middle_round() -> None:
    """Planted fault: the best single round."""
    rates = {"raw loop, a": (50, 52, 90), "raw loop, b": (60, 61, 62), "ours": (99, 99, 99)}
    trials = [trial(who, rate) for who, own in rates.items() for rate in own]

    assert best(trials, "raw loop") == ("raw loop, b", 61)


def test_the_tail_is_that_of_the_middle_round() -> None:
    trials = [trial("ours", 1.0, p99) for p99 in (12.0, 15.0, 40.0)] + [trial("raw loop", 1.0)]

    assert tail(trials, "ours") == 1.5


def serving_bars(ours: float, agreed: float = 1.0) -> dict[str, bool]:
    found = [
        replace(trial(serving.OURS, ours, 15.0), agreement=agreed),
        trial(f"{serving.RAW}, singles", 100.0),
        trial(f"{serving.LIT}, 1 worker", 50.0, 20.0),
        trial(f"unbatched {serving.LIT}", 1000.0, 20.0),
        trial(serving.TORCH, 20.0, 20.0),
    ]
    bars = serving._bars(found, serving.Bars(0.9, 1.35, 4.0))
    return {bar.name.rpartition("÷ ")[2]: bar.met for bar in bars}


def test_each_bar_of_serving_is_judged_by_itself() -> None:
    """Planted faults: a bar turned round; the unbatched LitServe among those with batches."""
    good, slow = serving_bars(95.0), serving_bars(68.0)

    assert all(good.values())
    assert not slow["the best raw loop"]
    assert not serving_bars(79.0)["plain BentoML + transformers"]
    assert slow["the best LitServe with batches"]
    assert not serving_bars(67.0)["the best LitServe with batches"]


def test_who_wins_with_other_labels_does_not_meet_the_bars() -> None:
    """Planted fault: agreement that is not judged."""
    assert not all(serving_bars(95.0, agreed=0.98).values())


def test_fleets_are_compared_seed_by_seed() -> None:
    seconds = {1: (10.0, 20.0), 2: (30.0, 30.0), 3: (3.0, 4.0)}
    trials = [
        fleet.Trial(who, seed, one, 1.0, 1.0, 0, 1.0)
        for seed, both in seconds.items()
        for who, one in zip((fleet.OURS, fleet.LRU), both, strict=True)
    ]

    assert fleet.ratio(trials) == 0.75


def test_processor_time_counts_from_the_first_look_and_for_a_new_process_from_its_start() -> None:
    before, after = {(1, "a"): 5.0}, {(1, "a"): 5.3, (2, "b"): 0.6, (3, "b"): 0.3}

    assert idle._parts(before, after, 30.0) == pytest.approx({"a": 1.0, "b": 3.0})


def test_baselines_get_none_of_the_service_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_CACHE_CORES", "1")

    assert not [name for name in plain_environment() if name.startswith("MODEL_CACHE_")]
    assert plain_environment()["HF_HUB_OFFLINE"] == "1"


def report(topic: str, figure: float) -> Report:
    bar = Bar("speed", "at least 2", figure, met=figure >= 2)
    table = Table("Times", ("what", "ms"), [("all", figure)])
    return Report(topic, {"date": "today"}, False, [Section(topic, "How.", (table,), (bar,))])


def test_a_page_keeps_the_topics_that_were_not_measured_again(tmp_path: Path) -> None:
    """Planted fault: a page of the last run alone."""
    page = tmp_path / "benchmarks.md"
    write_page(page, [report("serving", 1.0), report("cold", 3.0)])

    write_page(page, [report("serving", 2.5)])

    text = page.read_text(encoding="utf-8")
    assert "| serving | speed | at least 2 | 2.5 | met |" in text
    assert "| cold | speed | at least 2 | 3 | met |" in text
    assert text == as_page(json.loads(page.with_suffix(".json").read_text(encoding="utf-8")))


def test_a_missed_bar_is_printed_as_missed(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"

    write_page(page, [report("serving", 1.0)])

    assert "| serving | speed | at least 2 | 1 | **missed** |" in page.read_text(encoding="utf-8")


def stopped(process: psutil.Process, timeout: float = 5.0) -> bool:
    """The kernel may take its time with a busy machine's signals."""
    deadline = time.monotonic() + timeout
    while process.status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.status() == psutil.STATUS_STOPPED


@pytest.mark.process
def test_whose_turn_it_is_not_is_stopped_and_in_the_end_all_are_gone() -> None:
    """Planted fault: nobody is stopped."""
    with rivals.bare(Path(sys.executable)) as rival:
        process = psutil.Process(rival.pid)
        before = stopped(process)
        with rival.awake():
            done = drive(rival.port, [get("/")] * 3, 2)
        after = stopped(process)

    assert before
    assert after
    assert done.labels("status") == ["running"] * 3
    assert not process.is_running()


@pytest.mark.process
def test_a_baseline_that_ends_is_told_with_its_last_words() -> None:
    with (
        rivals.talking(Path(sys.executable), "raw", "/nowhere") as talker,
        pytest.raises(ServerFailed, match="nowhere"),
    ):
        talker.listen()


@pytest.mark.process
def test_an_unknown_topic_is_named() -> None:
    done = subprocess.run(
        [*BENCH, "speeed"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "there is no speeed; there is residency, swaps, serving, cold" in done.stderr


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(not BASELINES_THERE, reason="scripts/lib/baselines.sh was not run")
def test_a_quick_comparison_answers_alike_and_writes_a_page(tmp_path: Path) -> None:
    """All contestants answer, and those on the same file as the raw loop does."""
    places = ["--models", str(tmp_path / "models"), "--write", str(tmp_path / "page.md")]
    done = subprocess.run(
        [*BENCH, "serving", "--only", "minilm", "--quick", *places],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=500,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    known = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    trials = known["serving"]["parts"]["minilm"]["trials"]
    assert len({one["who"] for one in trials}) == 9
    assert [one["who"] for one in trials if one["failed"]] == []
    assert "## serving" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_who_asks_says_what_http_asks_of_him_and_no_more() -> None:
    """Planted fault: the length of a body for a request without one."""
    assert post("/predict", {"text": "é"}) == (
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 18\r\n\r\n{"text": "\\u00e9"}'
    )
    assert get("/") == b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
