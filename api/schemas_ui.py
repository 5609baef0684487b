"""What the operator's page is told of the settings; it never changes while the service lives."""

from pydantic import BaseModel, ConfigDict


class PageSettings(BaseModel):
    """Marks are parts of the memory limit; `ask_*` says whether such routes want a token."""

    model_config = ConfigDict(frozen=True)

    version: str
    comfort_mark: float
    max_models: int
    default_model: str
    ask_admin: bool
    ask_predict: bool
