"""What the routes say of how a model was made."""

from typing import Annotated

from pydantic import Field

from api.forms import Out


class ParityOut(Out):
    agreement: Annotated[float, Field(description="texts with the same label, as a fraction")]
    largest_shift: Annotated[float, Field(description="how far a probability moved at most")]
    texts: int
    reference: Annotated[str, Field(description="what the answers were compared with")]


class CompiledOut(Out):
    precision: str
    parity: Annotated[ParityOut | None, Field(description="null where nothing was converted")]
    tools: Annotated[dict[str, str], Field(description="what it was made with, and the versions")]
    refused: Annotated[
        dict[str, str], Field(description="smaller precisions, and why they were not taken")
    ]
    first_token_only: Annotated[
        bool, Field(description="the last layer computes only what the first token needs")
    ]
