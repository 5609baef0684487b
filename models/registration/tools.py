"""Which versions of the tools a model was made with. Imports none of them."""

from importlib.metadata import PackageNotFoundError, version

from models.registration.choosing import FP32_GRAPH, Made
from models.registration.plan import Plan, onnxruntime_version

_TORCH = ("torch", "transformers")


def versions(plan: Plan, made: Made) -> dict[str, str]:
    """Those that had a hand in it, by name."""
    tools = ["tokenizers"]
    if plan.found.folder.kind != "onnx":
        tools += _TORCH
    quantised = made.parity is not None and made.parity.reference == FP32_GRAPH
    if quantised or made.first_token_only:
        tools.append("onnx")
    found = {name: _version(name) for name in tools}
    if plan.spec.engine == "onnx":
        found["onnxruntime"] = onnxruntime_version()
    return dict(sorted(found.items()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
