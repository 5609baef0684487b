"""The service over fake use cases, for tests of what BentoML and the server do with it.

FAKE_FAILURE=start: the use cases cannot be opened. FAKE_PREPARING: they are never ready.
The text "slow" is answered after two seconds, "crash" raises what nobody expects.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import bentoml

from api.app import create_app
from api.edge import Front
from api.hosting import front_options, read_settings, service_options
from api.logs import write_logs
from models.config import ServingConfig
from models.port import ServingObserver
from models.views.prediction import Prediction
from tests.fakes_api import FakeUseCases

SLOW_SECONDS = 2.0


@dataclass(slots=True)
class ScriptedUseCases(FakeUseCases):
    """Does what the text says."""

    async def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> list[Prediction]:
        if "slow" in texts:
            print("slow begun", flush=True)  # noqa: T201 - the test waits for it
            await _sleep_and_tell()
        if "crash" in texts:
            raise ZeroDivisionError("secret detail")
        return await FakeUseCases.predict_batch(
            self, texts, name, keep_alive=keep_alive, cache=cache
        )


async def _sleep_and_tell() -> None:
    try:
        await asyncio.sleep(SLOW_SECONDS)
    except asyncio.CancelledError:
        print("slow called off", flush=True)  # noqa: T201 - the test waits for it
        raise


@asynccontextmanager
async def open_scripted(
    config: ServingConfig, observe: ServingObserver
) -> AsyncIterator[FakeUseCases]:
    if os.environ.get("FAKE_FAILURE") == "start":
        raise RuntimeError("planted: the fork server does not start")
    yield ScriptedUseCases(config, observe, prepared="FAKE_PREPARING" not in os.environ)
    print("closed in an orderly way", flush=True)  # noqa: T201 - the test reads it


settings = read_settings()
write_logs(settings.log_format)
app = create_app(settings, open_scripted, hosted=True)


@bentoml.service(**service_options(settings))
@bentoml.asgi_app(app, path="/")
class FakeModelCache:
    """The fake service."""


cast("bentoml.Service[object]", FakeModelCache).add_asgi_middleware(
    Front, front=app, **front_options(settings)
)
