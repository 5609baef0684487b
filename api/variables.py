"""The environment's variables by name: which are settings, and what is said of the others."""

import difflib
import re
from collections.abc import Mapping

PREFIX = "MODEL_CACHE_"
# Kubernetes puts such variables into every pod for a Service whose name begins with model-cache.
KUBERNETES_LINK = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def unknown_variables(environment: Mapping[str, str], fields: tuple[str, ...]) -> list[str]:
    """Explain each MODEL_CACHE_ variable that is no setting: a typing error must not pass."""
    known = [PREFIX + field.upper() for field in fields]
    return [
        f"{name}: no such setting{_suggestion(name, known)}"
        for name in sorted(environment)
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not KUBERNETES_LINK.fullmatch(name)
    ]


def _suggestion(name: str, known: list[str]) -> str:
    names = [variable.removeprefix(PREFIX) for variable in known]
    close = difflib.get_close_matches(name.upper().removeprefix(PREFIX), names, n=1, cutoff=0.7)
    return f"; did you mean {PREFIX}{close[0]}?" if close else "; unset it"


def explain(location: tuple[int | str, ...], message: str) -> str:
    reason = message.removeprefix("Value error, ")
    if not location:
        return reason
    place = PREFIX + str(location[0]).upper()
    return f"{place}{''.join(f'[{part}]' for part in location[1:])}: {reason}"
