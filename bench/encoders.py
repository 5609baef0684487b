"""Transformer classifiers with random weights, as ONNX graphs: BERT's layers in any size.

Their answers mean nothing; their sizes, load times and inference times are those of real ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, parser

LABELS = ("benign", "prompt_injection", "jailbreak", "system_extraction", "code_injection")
POSITIONS = 512
_HEAD_WIDTH = 32
_FEED_FORWARD = 4
_LEAN = 3.0
"""Added to the first label's logit, so that rounding never changes the answer."""

_BEGINNING = """
    words = Gather(word_table, input_ids)
    shape = Shape<start = 1, end = 2>(input_ids)
    length = Squeeze(shape)
    places = Range(zero, length, one)
    positions = Gather(position_table, places)
    embedded = Add(words, positions)
    x0 = LayerNormalization<axis = -1, epsilon = 1e-12>(embedded, norm_gain, norm_shift)
    mask = Cast<to = 1>(attention_mask)
    column = Unsqueeze(mask, middle)
    missing = Sub(unit, column)
    hidden = Mul(missing, far_below)
"""
_LAYER = """
    {p}q0 = MatMul({x}, {p}query)
    {p}q1 = Add({p}q0, {p}query_shift)
    {p}q2 = Reshape({p}q1, apart)
    {p}q = Transpose<perm = [0, 2, 1, 3]>({p}q2)
    {p}k0 = MatMul({x}, {p}key)
    {p}k1 = Add({p}k0, {p}key_shift)
    {p}k2 = Reshape({p}k1, apart)
    {p}k = Transpose<perm = [0, 2, 3, 1]>({p}k2)
    {p}v0 = MatMul({x}, {p}value)
    {p}v1 = Add({p}v0, {p}value_shift)
    {p}v2 = Reshape({p}v1, apart)
    {p}v = Transpose<perm = [0, 2, 1, 3]>({p}v2)
    {p}s0 = MatMul({p}q, {p}k)
    {p}s1 = Mul({p}s0, scale)
    {p}s2 = Add({p}s1, hidden)
    {p}s = Softmax<axis = -1>({p}s2)
    {p}c0 = MatMul({p}s, {p}v)
    {p}c1 = Transpose<perm = [0, 2, 1, 3]>({p}c0)
    {p}c = Reshape({p}c1, together)
    {p}o0 = MatMul({p}c, {p}out)
    {p}o1 = Add({p}o0, {p}out_shift)
    {p}o2 = Add({p}o1, {x})
    {p}o = LayerNormalization<axis = -1, epsilon = 1e-12>({p}o2, norm_gain, norm_shift)
    {p}f0 = MatMul({p}o, {p}wide)
    {p}f1 = Add({p}f0, {p}wide_shift)
    {p}g0 = Div({p}f1, root_two)
    {p}g1 = Erf({p}g0)
    {p}g2 = Add({p}g1, unit)
    {p}g3 = Mul({p}f1, {p}g2)
    {p}g = Mul({p}g3, half)
    {p}n0 = MatMul({p}g, {p}narrow)
    {p}n1 = Add({p}n0, {p}narrow_shift)
    {p}n2 = Add({p}n1, {p}o)
    {next} = LayerNormalization<axis = -1, epsilon = 1e-12>({p}n2, norm_gain, norm_shift)
"""
_END = """
    first = Gather<axis = 1>({x}, zero)
    pooled0 = MatMul(first, pooler)
    pooled = Tanh(pooled0)
    scores = MatMul(pooled, classifier)
    logits = Add(scores, lean)
"""

Weights = Iterator[tuple[str, NDArray[np.generic]]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large an encoder is: tokens it knows, width, number of layers."""

    vocabulary: int
    width: int
    layers: int


def write_encoder(target: Path, shape: Shape, seed: int) -> None:
    """Write an encoder with the weights of `seed` as one .onnx file, fp32."""
    body = _BEGINNING
    for number in range(shape.layers):
        body += _LAYER.format(p=f"l{number}_", x=f"x{number}", next=f"x{number + 1}")
    body += _END.format(x=f"x{shape.layers}")
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> classifier'
        " (int64[b, s] input_ids, int64[b, s] attention_mask) => (float[b, n] logits) {"
        f"{body}}}"
    )
    random = np.random.default_rng(seed)
    for weights in (_constants(shape), _ends(shape, random), _layers(shape, random)):
        for name, value in weights:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
    onnx.save_model(model, target)


def quantise(source: Path, target: Path, *, per_channel: bool = False) -> None:
    """Write `source` in dynamic int8: what it has learnt in bytes, activations as they come.

    `per_channel` weights have seven bits: with eight, processors without VNNI saturate sums of two
    products, and real models answer at random there.
    """
    from onnxruntime.quantization import (  # type: ignore[import-untyped]  # noqa: PLC0415  # slow
        QuantType,
        quantize_dynamic,
    )

    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
        reduce_range=per_channel,
    )


def _constants(shape: Shape) -> Weights:
    heads = max(1, shape.width // _HEAD_WIDTH)
    yield "apart", np.array([0, 0, heads, shape.width // heads])
    yield "together", np.array([0, 0, shape.width])
    yield "zero", np.array(0)
    yield "one", np.array(1)
    yield "middle", np.array([1, 2])
    yield "unit", np.array(1, np.float32)
    yield "half", np.array(0.5, np.float32)
    yield "root_two", np.array(2**0.5, np.float32)
    yield "far_below", np.array(-1e4, np.float32)
    yield "scale", np.array((shape.width // heads) ** -0.5, np.float32)
    yield "norm_gain", np.ones(shape.width, np.float32)
    yield "norm_shift", np.zeros(shape.width, np.float32)
    yield "lean", np.array([_LEAN, *[0.0] * (len(LABELS) - 1)], np.float32)


def _ends(shape: Shape, random: np.random.Generator) -> Weights:
    yield "word_table", _normal(random, shape.vocabulary, shape.width)
    yield "position_table", _normal(random, POSITIONS, shape.width)
    yield "pooler", _normal(random, shape.width, shape.width)
    yield "classifier", _normal(random, shape.width, len(LABELS))


def _layers(shape: Shape, random: np.random.Generator) -> Weights:
    width, wide = shape.width, shape.width * _FEED_FORWARD
    for number in range(shape.layers):
        for name in ("query", "key", "value", "out"):
            yield from _linear(random, f"l{number}_{name}", width, width)
        yield from _linear(random, f"l{number}_wide", width, wide)
        yield from _linear(random, f"l{number}_narrow", wide, width)


def _linear(random: np.random.Generator, name: str, before: int, after: int) -> Weights:
    yield name, _normal(random, before, after)
    yield f"{name}_shift", _normal(random, after)


def _normal(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return random.standard_normal(shape, np.float32) * np.float32(0.02)
