"""What the routes say of a classification head that registration fitted."""

from typing import Annotated

from pydantic import Field

from api.forms import Out


class HeadClassOut(Out):
    label: str
    texts: int
    precision: float | None
    recall: float | None
    f1: float | None


class HeadOut(Out):
    data: Annotated[str, Field(description="the file that it was fitted on")]
    data_digest: Annotated[str, Field(description="of that file, SHA-256")]
    rows: Annotated[int, Field(description="texts that it was fitted on")]
    available: Annotated[int, Field(description="texts that the sample of `rows` was taken from")]
    judge: Annotated[str, Field(description="the held-out texts that it was judged by")]
    judge_digest: str
    judged: int
    macro_f1: float
    ece: Annotated[float, Field(description="expected calibration error, 15 bins")]
    classes: list[HeadClassOut]
    floor: Annotated[float, Field(description="the least macro-F1 that is registered")]
    forced: Annotated[bool, Field(description="below the floor, and registered all the same")]
    pooling: Annotated[str, Field(description="what of the last hidden states it reads")]
    penalty: Annotated[float, Field(description="of half the squared weights")]
    temperature: Annotated[float, Field(description="by which the logits were divided")]
