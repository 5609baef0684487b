"""The BentoML service: `bentoml serve service:ModelCache`."""

from typing import cast

import bentoml

from api.app import create_app
from api.edge import Front
from api.hosting import front_options, read_settings, service_options
from api.logs import write_logs
from models.opening import open_serving

settings = read_settings()
write_logs(settings.log_format)
app = create_app(settings, open_serving, hosted=True)


@bentoml.service(**service_options(settings))
@bentoml.asgi_app(app, path="/")
class ModelCache:
    """Serves many text classifiers over one port within one machine's memory."""


# The decorator has made it a bentoml.Service, which type checkers don't follow.
cast("bentoml.Service[object]", ModelCache).add_asgi_middleware(
    Front, front=app, **front_options(settings)
)
