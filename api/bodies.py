"""What the routes take as JSON bodies."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from api.forms import In

KEEP_ALIVE = (
    'How long the model stays in memory when nobody asks for it: "5m", "1h30m", seconds as a '
    "number, 0 to unload it after the answer, -1 to never let it expire"
)
KeepAlive = Annotated[
    object,
    Field(description=KEEP_ALIVE),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
]
"""As it was sent; `api.durations` reads it, and says what is wrong with it."""
CACHE = "false: read the text whatever was answered before, and do not keep the answer"
Cache = Annotated[bool | None, Field(description=CACHE)]


class PredictIn(In):
    """`text` may be missing here only if the query has it."""

    text: Annotated[str | None, Field(description="Text to analyze")] = None
    model_name: Annotated[str | None, Field(description="Model to use")] = None
    keep_alive: KeepAlive = None
    cache: Cache = None


class PredictBatchIn(In):
    texts: Annotated[list[str], Field(description="Texts to analyze, answered in this order")]
    model_name: Annotated[str | None, Field(description="Model to use for all of them")] = None
    keep_alive: KeepAlive = None
    cache: Cache = None
