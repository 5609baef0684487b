"""What registration has done in a child process: an fp32 graph in 8 bits. Needs the onnx package.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what is wrong about the model.

"int8" multiplies weights, scaled per channel, by 8-bit activations that are scaled anew in each
run: the fastest. Its weights have seven bits, because processors without VNNI add two products in
16: 2 * 255 * 64 fits, 2 * 255 * 127 does not, and there a model would have other answers, some
models random ones (source: onnxruntime's documentation, "reduce-range"). "int8-weights" leaves
activations as they are: close to fp32. Both keep embedding tables in 8 bits with a scale for each
row, which changes answers far less than onnxruntime's one scale a table.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

from models.engines.quantised import precision as precision_of
from models.errors import RegistrationFailed
from models.registration.compiling import copy_settings, save_optimised

_FLOAT = 1
"""onnx.TensorProto.FLOAT: what comes of operators that shape inference does not know."""

_NO_ONNX = "the onnx package is not installed, which quantising needs"


def quantise(source: str, target: str, precision: str) -> dict[str, Any]:
    """Write the fp32 folder `source` to `target`: quantised, optimised, weights beside the graph.

    Works beside `target`, on files. Returns the `files` of a load.
    """
    logging.disable(logging.CRITICAL)  # the quantiser's advice is for those who wrote this
    before, after = Path(source), Path(target)
    after.mkdir()
    copy_settings(before, after)
    with tempfile.TemporaryDirectory(dir=after.parent) as work:
        made = _quantised(before / "model.onnx", Path(work), precision)
        save_optimised(made, after / "model.onnx")
    reached = precision_of(after / "model.onnx")
    if reached != precision:
        raise RegistrationFailed(f"onnxruntime made {reached} of {precision}")
    return {"files": sorted(file.name for file in after.iterdir())}


def quantise_file(source: Path, target: Path) -> None:
    """Write the fp32 graph `source` to one file, in "int8" and not optimised any further."""
    import onnx  # noqa: PLC0415

    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        onnx.save(onnx.load(_quantised(source, Path(work), "int8")), target)


def _quantised(source: Path, work: Path, precision: str) -> Path:
    """The graph in 8 bits, below the folder `work`, with its weights beside it."""
    plain, packed, made = (work / f"{name}.onnx" for name in ("plain", "packed", "made"))
    save_optimised(source, plain, level="basic")
    products = _pack(plain, packed, products=precision == "int8-weights")
    if not products:
        raise RegistrationFailed("there is nothing in the graph that could be quantised")
    if precision != "int8":
        return packed
    _quantise_products(packed, made, products)
    return made


def _pack(source: Path, target: Path, *, products: bool) -> list[str]:
    """Tables, and `products` if told; the names of all that are or can be quantised."""
    try:
        import onnx  # noqa: PLC0415  # only in the child

        from models.registration.weights import (  # noqa: PLC0415
            name_products,
            pack_products,
            pack_tables,
        )
    except ImportError as error:
        raise RegistrationFailed(_NO_ONNX) from error
    model = onnx.load(source)
    names = name_products(model)
    pack_tables(model)
    if products:
        pack_products(model)
    onnx.save(model, target, save_as_external_data=True, location=f"{target.name}.data")
    return names


def _quantise_products(source: Path, target: Path, names: list[str]) -> None:
    """Files in and out: models of more than 2 GB don't fit into one."""
    from onnxruntime.quantization import quantize_dynamic  # type: ignore[import-untyped]  # noqa: PLC0415

    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul"],
        nodes_to_quantize=names,
        per_channel=True,
        reduce_range=True,
        use_external_data_format=True,
        extra_options={"DefaultTensorType": _FLOAT},
    )
