"""Why there is no evaluation, in the words of the one who asked for it."""


class EvaluationError(Exception):
    """There is no evaluation; the message says why and what to do."""


class TorchNeeded(EvaluationError):
    """The model runs in torch, and the torch extra is not installed."""
