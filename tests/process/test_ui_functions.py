"""The page's pure functions, asked in Chromium: figures, scales, samples, states, sentences."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.process.browser import Browser, browsing
from tests.process.server import Server, served

FAKE = "tests.process.fake_service:FakeModelCache"
NONE = "\N{EN DASH}"
METRICS = """# TYPE model_cache_cache_hits_total counter
model_cache_cache_hits_total 9
model_cache_cache_misses_total 1
model_cache_limit_bytes 1e9
model_cache_waiting 2
model_cache_prediction_seconds_bucket{model="a",le="0.1"} 5
model_cache_prediction_seconds_bucket{model="b",le="0.1"} 3
model_cache_prediction_seconds_bucket{model="a",le="+Inf"} 7
"""
EVENT = dict.fromkeys(
    ("cause", "for_model", "memory_mb", "seconds", "error", "priority", "score"), None
)
EVICTED = EVENT | {
    "event": "draining",
    "cause": "evicted",
    "for_model": "b:1",
    "seconds": 75,
    "priority": "low",
    "score": 0.12345,
}
FAILED = EVENT | {"event": "load_failed", "error": "damaged", "seconds": 2}
LOADS = [
    {"event": "load_started", "model": "a:1", "memory_mb": 3},
    {"event": "load_started", "model": "b:1", "memory_mb": 4},
    {"event": "load_failed", "model": "a:1"},
]
GAP = "[0, 5, null, 10], {width: 30, height: 10, most: 10}"
ROOM = "{limit: 100, own: 20, tracked: 30, residents: [{name: 'a', kind: 'idle', mb: 25}]}"
CASES: dict[str, list[tuple[str, Any]]] = {
    "format.js": [
        ("megabytes(12.34)", "12.3 MB"),
        ("megabytes(512.3)", "512 MB"),
        ("megabytes(16384)", "16.4 GB"),
        ("megabytes(null)", NONE),
        ("percent(0.9)", "90.0 %"),
        ("percent(NaN)", NONE),
        ("milliseconds(0.4)", "0.40 ms"),
        ("milliseconds(42.51)", "42.5 ms"),
        ("milliseconds(1240)", "1.24 s"),
        ("duration(59.6)", "1 m 00 s"),
        ("duration(3780)", "1 h 03 m"),
        ("duration(90000)", "1 d 01 h"),
        ("duration(-1)", "0 s"),
        ("rate(2.25)", "2.3 /s"),
        ("secondsUntil('2024-01-01T00:01:00Z', Date.parse('2024-01-01T00:00:00Z'))", 60),
        ("secondsUntil(null, 0)", None),
    ],
    "scales.js": [
        ("niceTop([3, 14, null])", 20),
        ("niceTop([])", 1),
        (f"sparkLines({GAP})", ["0.0,10.0 10.0,5.0", "30.0,0.0"]),
        (f"memoryParts({ROOM}).map(p => p.mb)", [20, 25, 5]),
        (f"memoryParts({ROOM}).map(p => p.left)", [0, 0.2, 0.45]),
        ("memoryParts({limit: 8, own: 6, tracked: 9, residents: []})[1].width", 0.25),
        ("memoryParts({limit: 0, own: 8, tracked: 9, residents: []})", []),
    ],
    "samples.js": [
        ("sample(metrics, 0).buckets.map(b => b[1])", [8, 7]),
        ("sample(metrics, 0).memory.limit", 1000),
        ("sample(metrics, 0).waiting", 2),
        ("quantile(0.5, [], [[1, 0], [2, 10], [Infinity, 10]])", 1.5),
        ("quantile(0.5, [[1, 4], [2, 4]], [[1, 4], [2, 4]])", None),
        ("quantile(0.99, [], [[1, 1], [Infinity, 10]])", 1),
        ("between(null, sample(metrics, 1)).hitRate", None),
        ("between({...sample(metrics, 0), hits: 1}, sample(metrics, 1)).hitRate", 1),
        ("between({...sample(metrics, 0), predictions: 9}, sample(metrics, 1)).perSecond", None),
        ("between({...sample(metrics, 0), hits: 1}, sample(metrics, 60)).hitRate", None),
    ],
    "states.js": [
        ("stateOf({cached: true, loaded: false}, null, true).word", "loading"),
        ("stateOf({cached: true, loaded: false}, null, false).word", "leaving"),
        ("stateOf({loaded: true}, {held_by: 'leased', pinned: true}, false).word", "busy"),
        ("stateOf({loaded: true}, {held_by: null, pinned: false}, false).word", "idle"),
        ("stateOf({}, {quarantine: {retry_after_seconds: 3}}, false).word", "quarantined"),
        ("stateOf({}, {quarantine: {retry_after_seconds: 0}}, false).word", "not loaded"),
        (
            f"[...loadsUnderWay({json.dumps(LOADS)})]",
            [["b:1", 4]],
        ),
    ],
    "view.js": [
        ("entries({a: {name: 'a'}}, new Map(), new Map([['a:1', 3]]))[0].state.word", "not loaded"),
        (
            "entries({a: {name: 'a', cached: true}}, new Map(), new Map([['a:1', 3]]))[0].mb",
            3,
        ),
    ],
    "sentences.js": [
        (
            f"sentence({json.dumps(EVICTED)}).text",
            "evicted to make room for b:1; unused for 1 m 15 s; class low; score 0.123",
        ),
        (f"sentence({json.dumps(FAILED)}).text", "damaged; tried again in 2 s"),
        (f"sentence({json.dumps(EVENT | {'event': 'something_new'})}).head", "something_new"),
    ],
}
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(FAKE, tmp_path_factory.mktemp("functions")) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        browser.open(server.url)
        yield browser


@pytest.mark.parametrize("module", CASES)
def test_what_is_shown_is_computed_right(page: Browser, module: str) -> None:
    """Planted faults: a width beyond the limit; "leaving" for a load. Faults found: a model whose
    load's end was missed stayed "loading"; an hour hidden was shown as the last two seconds.
    """
    asked = ", ".join(expression for expression, _ in CASES[module])
    names = "between, sample, quantile, stateOf, loadsUnderWay, sentence, niceTop, sparkLines"
    names += (
        ", memoryParts, megabytes, percent, milliseconds, duration, rate, secondsUntil, entries"
    )
    answers = page.driver.execute_async_script(
        "const [module, metrics, done] = arguments;"
        "import('/ui/' + module).then(found => {"
        f"const {{{names}}} = found;"
        f"done(JSON.stringify([{asked}]));"
        "}).catch(error => done(`${error}`));",
        module,
        METRICS,
    )

    asked_for = [expression for expression, _ in CASES[module]]

    assert list(zip(asked_for, json.loads(answers), strict=True)) == CASES[module]
