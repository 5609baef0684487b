"""The app over fake use cases, without a server."""

import contextlib
from collections.abc import Iterator
from typing import Any

from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.fakes_api import FakeUseCases, opened


@contextlib.contextmanager
def client_of(fake: FakeUseCases | None = None, **settings: Any) -> Iterator[TestClient]:
    """Run the app in its lifespan; `settings` are those that differ from the defaults."""
    use_cases = FakeUseCases() if fake is None else fake
    app = create_app(Settings(**settings), lambda _config, observe: opened(use_cases, observe))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
