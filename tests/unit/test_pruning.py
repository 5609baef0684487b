"""What only the first token needs is computed for the first token only; answers stay.

The graphs are small: of each token's row, through `layer` and a feed-forward, a head reads.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from models.card import read_card
from models.registration.pruning import prune_first_token
from models.registration.pruning_facts import Trial

EMBEDDED = Path(__file__).parents[2] / "models" / "embedded"
TOKENS = 6

GRAPH = """
<ir_version: 8, opset_import: ["": {opset}]>
classifier (int64[b, s] input_ids, int64[b, s] attention_mask) => (float[b, n] logits) {{
    x = Gather(table, input_ids)
    {layer}
    wide = MatMul(y, up)
    active = Relu(wide)
    narrow = MatMul(active, down)
    sum = Add(narrow, y)
    last = LayerNormalization(sum, scale)
    {head}
    logits = MatMul(read, out)
}}
"""
PLAIN = "y = Identity(x)"
FIRST = "read = Gather<axis = 1>(last, zero)"
MEAN = "read = ReduceMean<axes = [1], keepdims = 0>(last)"

ATTENTION = """
    shape = Shape(x)
    texts = Gather(shape, zeros) tokens = Gather(shape, ones)
    apart = Concat<axis = 0>(texts, tokens, twos, minus)
    together = Concat<axis = 0>(texts, tokens, minus)
    q = MatMul(x, square) k = MatMul(x, square) v = MatMul(x, square)
    qs = Reshape(q, apart) ks = Reshape(k, apart) vs = Reshape(v, apart)
    qt = Transpose<perm = [0, 2, 1, 3]>(qs)
    kt = Transpose<perm = [0, 2, 3, 1]>(ks)
    vt = Transpose<perm = [0, 2, 1, 3]>(vs)
    scores = MatMul(qt, kt)
    seen = Cast<to = 1>(attention_mask)
    hidden = Sub(seen, one)
    far = Mul(hidden, thousand)
    mask = Unsqueeze(far, both)
    masked = Add(scores, mask)
    weights = Softmax<axis = -1>(masked)
    mixed = MatMul(weights, vt)
    mt = Transpose<perm = [0, 2, 1, 3]>(mixed)
    joined = Reshape(mt, together)
    projected = MatMul(joined, square)
    y = Add(projected, x)
"""
MERGED_HEADS = """
    shape = Shape(x)
    tokens = Gather(shape, ones)
    apart = Concat<axis = 0>(minus, tokens, twos, twos)
    flat = Concat<axis = 0>(minus, tokens, twos)
    four = Concat<axis = 0>(minus, twos, tokens, twos)
    q = MatMul(x, square)
    qs = Reshape(q, apart)
    qt = Transpose<perm = [0, 2, 1, 3]>(qs)
    qf = Reshape(qt, flat)
    qn = Neg(qf)
    qb = Reshape(qn, four)
    back = Transpose<perm = [0, 2, 1, 3]>(qb)
    y = Reshape(back, copied)
"""

COPIED = """
    turned = Transpose<perm = [0, 2, 1]>(x)
    scores = MatMul(x, turned)
    four = Unsqueeze(scores, ones)
    back = Reshape(four, around)
    y = MatMul(back, x)
"""
POSITIONS = """
    seen = Cast<to = 1>(attention_mask)
    each = ReduceMax<axes = [0], keepdims = 0>(seen)
    column = Unsqueeze(each, ones)
    y = Mul(x, column)
"""
COLUMN = """
    seen = Cast<to = 1>(attention_mask)
    four = Unsqueeze(seen, both)
    turned = Transpose<perm = [0, 3, 1, 2]>(four)
    column = Squeeze(turned, twos)
    y = Mul(x, column)
"""


def numbers(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def constants() -> dict[str, np.ndarray[Any, Any]]:
    chance = np.random.default_rng(3)
    shapes = {"table": (8, 4), "up": (4, 8), "down": (8, 4), "out": (4, 3), "square": (4, 4)}
    weights = {name: chance.normal(size=s).astype("f4") for name, s in shapes.items()}
    row = chance.normal(size=(1, 1, 4)).astype("f4")
    floats = {"scale": np.ones(4, "f4"), "one": np.ones((), "f4"), "row": row}
    return weights | floats | {
        "thousand": np.full((), 1e3, "f4"),
        "zero": np.array(0),
        "zeros": numbers(0),
        "ones": numbers(1),
        "twos": numbers(2),
        "minus": numbers(-1),
        "both": numbers(1, 2),
        "copied": numbers(0, 0, 4),
        "pairs": numbers(-1, 4),
        "around": numbers(0, -1, 0),
        "end": numbers(2**62),
    }  # fmt: skip


def write(folder: Path, layer: str = PLAIN, head: str = FIRST, opset: int = 17) -> Path:
    folder.mkdir()
    model = parser.parse_model(GRAPH.format(layer=layer, head=head, opset=opset))
    known = constants()
    used = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in known.items() if name in used
    )
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    (folder / "config.json").write_text(json.dumps({"vocab_size": 8}))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def pruned(folder: Path) -> Path:
    """The folder's pruned one, whose answers are found to be the same."""
    target = folder.with_name("pruned")
    told = prune_first_token(str(folder), str(target), 16)
    assert told["kept"] is None
    before, after = (Trial(path / "model.onnx", 8) for path in (folder, target))
    for texts, tokens in ((1, 1), (1, 9), (3, 4), (4, 16)):
        assert after.shift(before, texts, tokens) < 1e-5
    return target


def lengths(folder: Path) -> dict[str, list[int]]:
    """The shape of every result, for two texts of TOKENS tokens."""
    model = onnx.load(folder / "model.onnx")
    names = [name for node in model.graph.node for name in node.output if name != "logits"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    path = folder / "watched.onnx"
    onnx.save(model, path)
    run = Trial(path, 8).run(2, TOKENS)
    return {name: list(run[name].shape) for name in names}


def kept(folder: Path) -> str:
    target = folder.with_name("pruned")
    told = prune_first_token(str(folder), str(target), 16)
    assert told["files"] == []
    assert not target.exists()
    why: str = told["kept"]
    return why


def test_a_feed_forward_is_left_with_one_row(tmp_path: Path) -> None:
    found = lengths(pruned(write(tmp_path / "m")))

    assert [found[name] for name in ("x", "wide", "narrow", "last", "read")] == [
        [2, TOKENS, 4], [2, 1, 8], [2, 1, 4], [2, 1, 4], [2, 4],
    ]  # fmt: skip


def test_of_an_attention_keys_and_values_stay_whole(tmp_path: Path) -> None:
    found = lengths(pruned(write(tmp_path / "m", ATTENTION)))

    one_row = ("q", "qt", "scores", "weights", "mixed", "joined", "projected", "y", "wide")
    assert [found[name][-2] for name in one_row] == [1] * len(one_row)
    assert [found[name][1] for name in ("k", "v")] == [TOKENS, TOKENS]
    assert found["mask"] == [2, 1, 1, TOKENS]


def test_rows_are_followed_where_texts_and_heads_share_an_axis(tmp_path: Path) -> None:
    found = lengths(pruned(write(tmp_path / "m", MERGED_HEADS)))

    assert (found["q"], found["qf"], found["y"]) == ([2, 1, 4], [4, 1, 2], [2, 1, 4])


@pytest.mark.parametrize(
    ("layer", "whole"),
    [
        ("y = Softmax<axis = 1>(x)", "y"),
        ("flat = Reshape(x, pairs) shape = Shape(x) y = Reshape(flat, shape)", "flat"),
        (
            "turned = Transpose<perm = [0, 2, 1]>(x) shape = Shape(x) y = Reshape(turned, shape)",
            "y",
        ),
        (COPIED, "back"),
        ("y = CumSum(x, ones)", "y"),
        ("peak = ReduceMax<axes = [1]>(x) y = Sub(x, peak)", "x"),
    ],
)
def test_where_rows_depend_on_each_other_the_chain_ends(
    tmp_path: Path, layer: str, whole: str
) -> None:
    """Planted faults: Softmax of any axis passes; a Reshape passes in which rows only look alike,
    or which copies the length of the axis to another one.
    """
    found = lengths(pruned(write(tmp_path / "m", layer)))

    assert TOKENS in found[whole] or 2 * TOKENS in found[whole]
    assert found["wide"] == [2, 1, 8]


def test_what_is_the_same_for_all_texts_loses_its_rows_too(tmp_path: Path) -> None:
    """Planted fault: axes of unlike tensors are counted from the left."""
    found = lengths(pruned(write(tmp_path / "m", POSITIONS)))

    assert (found["column"], found["y"]) == ([1, 1], [2, 1, 4])


def test_a_mask_for_each_token_is_followed_to_where_it_comes_from(tmp_path: Path) -> None:
    found = lengths(pruned(write(tmp_path / "m", COLUMN)))

    assert (found["seen"], found["column"], found["y"]) == ([2, 1], [2, 1, 1], [2, 1, 4])


@pytest.mark.parametrize("layer", ["y = Add(x, row)", "y = Add(x, scale)", "y = Mul(x, one)"])
def test_what_is_the_same_for_all_rows_is_left_alone(tmp_path: Path, layer: str) -> None:
    model = onnx.load(pruned(write(tmp_path / "m", layer)) / "model.onnx")

    assert sum(node.op_type == "Slice" for node in model.graph.node) == 1


def test_what_somebody_else_needs_whole_stays_whole(tmp_path: Path) -> None:
    """Planted fault: one of two readers is enough for a tensor to be cut."""
    layer = "y = MatMul(x, square) all = ReduceMean<axes = [1], keepdims = 0>(y)"
    head = "first = Gather<axis = 1>(last, zero) read = Add(first, all)"

    found = lengths(pruned(write(tmp_path / "m", layer, head)))

    assert (found["y"], found["wide"]) == ([2, TOKENS, 4], [2, 1, 8])


def test_who_asks_for_a_length_is_told_that_of_all_tokens(tmp_path: Path) -> None:
    """Planted fault: the Shape of what was cut says one."""
    layer = "y = MatMul(x, square)"
    head = f"{FIRST.replace('read', 'first')} l = Shape(wide) n = Cast<to = 1>(l) \
        m = Gather(n, ones) read = Div(first, m)"

    found = lengths(pruned(write(tmp_path / "m", layer, head)))

    assert (found["y"], found["wide"]) == ([2, 1, 4], [2, 1, 8])


@pytest.mark.parametrize(
    "head",
    [
        FIRST,
        "r = Gather<axis = 1>(last, zeros) read = Squeeze(r, ones)",
        "r = Slice(last, zeros, ones, ones) read = Squeeze(r, ones)",
        "r = Slice(last, zeros, ones, ones, ones) read = Squeeze(r, ones)",
        "all = Slice(last, zeros, end, zeros) read = Gather<axis = 1>(all, zero)",
    ],
)
def test_the_first_token_is_found_however_it_is_read(tmp_path: Path, head: str) -> None:
    assert lengths(pruned(write(tmp_path / "m", head=head)))["wide"] == [2, 1, 8]


@pytest.mark.parametrize(
    "head",
    [
        MEAN,
        "read = ReduceMax<axes = [1], keepdims = 0>(last)",
        "r = Gather<axis = 1>(last, minus) read = Squeeze(r, ones)",
        f"{FIRST.replace('read', 'a')} {MEAN.replace('read', 'b')} read = Add(a, b)",
        "r = Slice(last, zeros, twos, ones) read = ReduceMean<axes = [1], keepdims = 0>(r)",
    ],
)
def test_a_classifier_that_reads_more_stays_as_it_is(tmp_path: Path, head: str) -> None:
    """Planted fault: a Gather is enough, whatever else reads the last layer."""
    why = kept(write(tmp_path / "m", head=head))

    assert why == "of the last layer more is read than the first token"


def test_where_less_than_a_feed_forward_would_be_saved_nothing_is_done(tmp_path: Path) -> None:
    head = "shown = Softmax<axis = 1>(last) read = Gather<axis = 1>(shown, zero)"

    assert "more is read" in kept(write(tmp_path / "m", head=head))


def test_a_graph_of_another_precision_stays_as_it_is(tmp_path: Path) -> None:
    told = prune_first_token(str(EMBEDDED), str(tmp_path / "pruned"), 16)

    assert told == {"files": [], "kept": "it is int8"}


def test_weights_beside_the_graph_are_found_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", ATTENTION)
    model = onnx.load(folder / "model.onnx")
    onnx.save(
        model, folder / "model.onnx", save_as_external_data=True, location="w", size_threshold=100
    )

    assert lengths(pruned(folder))["q"] == [2, 1, 4]


def test_what_was_registered_before_there_was_pruning_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "1"
    folder.mkdir(parents=True)
    about = {
        "engine": "onnx", "source": "Local", "labels": ["a", "b"], "max_length": 16,
        "precision": "fp32", "footprint": 1, "load_seconds": 1, "size": 1, "digests": {},
        "tools": {}, "refused": {},
    }  # fmt: skip
    card = {
        "labels": {"model-cache": "1"}, "metadata": about,
        "creation_time": "2026-11-22T00:00:00+00:00",
    }  # fmt: skip
    (folder / "model.yaml").write_text(json.dumps(card))

    stored = read_card(folder)

    assert stored is not None
    assert stored.compiled is not None
    assert not stored.compiled.first_token_only
