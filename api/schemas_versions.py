"""What is answered of the versions of a model and of their aliases."""

from typing import Annotated, Literal

from pydantic import Field

from api.forms import In, Out, Timestamp
from api.schemas import QuarantineOut
from api.schemas_compiled import ParityOut

State = Literal["loaded", "cached", "not_cached"]
Swap = Literal["not_needed", "done", "under_way", "failed"]


class AliasIn(In):
    version: Annotated[str, Field(description="a registered version of the model")]


class SetbackOut(Out):
    error: str
    at: Timestamp
    held: Annotated[bool, Field(description="the last good version is loaded in its place")]


class VersionOut(Out):
    version: str
    created_at: Timestamp
    engine: Annotated[str, Field(description="as model_info.type")]
    precision: str
    size_mb: float
    aliases: Annotated[list[str], Field(description='"latest" is the newest version')]
    current: Annotated[bool, Field(description="the plain name is answered by it now")]
    state: Annotated[State, Field(description="cached: it loads, or leaves")]
    registered: Annotated[bool, Field(description="false: it has left the store, not the memory")]
    source: str
    origin: Annotated[str | None, Field(description="null: a folder of the service's machine")]
    parity: Annotated[ParityOut | None, Field(description="null where nothing was converted")]
    swap_failure: Annotated[
        SetbackOut | None, Field(description="why it could not take the place of another")
    ]
    quarantine: QuarantineOut | None


class VersionsOut(Out):
    model_name: str
    current: Annotated[str | None, Field(description="what the plain name is answered by now")]
    aliases: Annotated[dict[str, str], Field(description="alias to version, as they were set")]
    versions: Annotated[list[VersionOut], Field(description="newest first")]
    timestamp: Timestamp


class AliasOut(Out):
    message: str
    model_name: str
    alias: str
    version: Annotated[str | None, Field(description="null: the alias is not set any more")]
    previous_version: str | None
    current: Annotated[str | None, Field(description="what the plain name is answered by now")]
    swap: Annotated[Swap, Field(description="whether the champion has taken its place")]
    error: Annotated[str | None, Field(description="why the swap has failed")]
    timestamp: Timestamp
