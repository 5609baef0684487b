"""The documented targets, on models of the documented architectures in full size."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tokenizers import Tokenizer

from bench import hammer
from bench.classifiers import Built, Classifier
from bench.http import Unanswered, post
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.texts import plain
from bench.vocabularies import ENGLISH

TEXTS, TOKENS, WARMUP = 100, 32, 10
PRECISIONS = ("fp32", "int8")
_LOAD_S, _WARMUP_S, _INFERENCE_MS = 5.0, 2.0, 100.0

_BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "pad_token_id": 0,
}
_DEBERTA = {
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
    "max_position_embeddings": 512,
}
_DISTILBERT = {"dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "pad_token_id": 0}


def architectures() -> tuple[Classifier, ...]:
    """Sizes and vocabularies of the published ones."""
    return (
        _random("deberta-v3-base", "deberta-v2", 128_100, {**_BASE, **_DEBERTA}),
        _random("roberta-base", "roberta", 50_265, {**_BASE, "max_position_embeddings": 514}),
        _random("bert-base", "bert", ENGLISH, _BASE),
        _random("distilbert", "distilbert", ENGLISH, _DISTILBERT),
    )


def _random(name: str, kind: str, vocabulary: int, config: Mapping[str, object]) -> Classifier:
    sized = {**config, "vocab_size": vocabulary}
    return Classifier(f"random-{name}", "", kind, sized, trained=False, vocabulary=vocabulary)


TINY = (
    _random("tiny-distilbert", "distilbert", ENGLISH, {**_DISTILBERT, "dim": 48, "hidden_dim": 96}),
    _random(
        "tiny-deberta",
        "deberta-v2",
        2000,
        {**_BASE, **_DEBERTA, "hidden_size": 48, "num_hidden_layers": 2, "intermediate_size": 96},
    ),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What the service says of itself, and what one caller waits for an answer at the mean."""

    model: str
    precision: str
    load_s: float
    warmup_s: float
    inference_ms: float
    answer_ms: float
    footprint_mb: float


def run(setup: Setup) -> Section:
    wanted = TINY if setup.quick else architectures()
    built = [one for precision in PRECISIONS for one in setup.classifiers(wanted, precision)]
    with setup.server() as server:
        targets = []
        for one in built:
            targets.append(_measure(server, one, setup.texts(TEXTS)))
            setup.say(f"{one.name}: {targets[-1].answer_ms:.1f} ms an answer")
    return _section(targets)


def _measure(server: Server, model: Built, count: int) -> Target:
    name = model.name
    loaded = server.post(f"/models/{name}/load")
    warmed = server.post(f"/models/{name}/warmup")
    before = server.get(f"/models/{name}")["performance_metrics"]
    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    texts = [_cut(tokenizer, text) for text in plain(count, 700)]
    done = hammer.drive(
        server.port, [post("/predict", {"text": t, "model_name": name}) for t in texts], 1
    )
    if done.failed:
        raise Unanswered(f"{done.failed} predictions on {name} were not answered")
    told = server.get(f"/models/{name}")
    server.post(f"/models/{name}/unload")
    return Target(
        model=name,
        precision=model.stored.precision,
        load_s=loaded["load_time_seconds"],
        warmup_s=warmed["warmup_time_seconds"],
        inference_ms=_mean(before, told["performance_metrics"]),
        answer_ms=done.seconds / count * 1e3,
        footprint_mb=told["memory_usage_mb"],
    )


def _cut(tokenizer: Tokenizer, text: str) -> str:
    """Of TOKENS tokens, its own ends included: repeated until it is longer, then cut."""
    while len(tokenizer.encode(text).ids) < TOKENS:
        text = f"{text} {text}"
    while len(tokenizer.encode(text).ids) > TOKENS:
        text = text[:-1]
    return text


def _mean(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """Milliseconds of the inferences between two looks at the service's figures."""
    sums = [look["avg_inference_time_ms"] * look["total_inferences"] for look in (before, after)]
    return float((sums[1] - sums[0]) / (after["total_inferences"] - before["total_inferences"]))


def _section(targets: Sequence[Target]) -> Section:
    judged = [target for target in targets if target.model.endswith(PRECISIONS[0])]
    bars = []
    for what, unit, bar, figures in (
        ("load", "s", _LOAD_S, [t.load_s for t in judged]),
        (f"warm-up of {WARMUP} requests", "s", _WARMUP_S, [t.warmup_s for t in judged]),
        (
            f"mean inference of {TOKENS} tokens",
            "ms",
            _INFERENCE_MS,
            [t.inference_ms for t in judged],
        ),
    ):
        for target, figure in zip(judged, figures, strict=True):
            name = f"{target.model}: {what}, {unit}"
            bars.append(Bar(name, f"below {bar:g}", figure, met=figure < bar))
    rows = [
        (t.model, t.precision, t.load_s, t.warmup_s, t.inference_ms, t.answer_ms, t.footprint_mb)
        for t in targets
    ]
    columns = ("", "precision", "load s", "warm-up s", "inference ms", "answer ms", "footprint MB")
    return Section(
        "targets",
        note=(
            "Random weights in the published sizes and vocabularies; answers mean nothing, times"
            f" do. Load, warm-up of {WARMUP} and mean inference are what the service tells;"
            f" an answer is what one caller waits for at the mean, distinct texts of {TOKENS}"
            " tokens. Untrained models are served in fp32, which is judged; int8 is shown beside"
            " it. Files are in the page cache."
        ),
        tables=(Table("Documented targets", columns, rows),),
        bars=tuple(bars),
        data={"targets": [asdict(target) for target in targets]},
    )
