"""What can go wrong with a model, in the words of the caller."""

from cache.ports import OutOfMemory


class ModelError(Exception):
    """Base of all errors about models."""


class InvalidText(ModelError):
    """The text cannot be classified as it is; the message says why."""


class ModelNotFound(ModelError):
    """Neither the catalogue nor the model store knows the name."""


class ModelNotRegistered(ModelError):
    """The catalogue names the model, but its weights are not in the model store."""


class ModelLoadFailed(ModelError):
    """The model is registered but could not be loaded: damaged, too slow, or it crashed."""


class LoadOutOfMemory(ModelLoadFailed, OutOfMemory):
    """There was not the memory that the load needs."""


class CanaryFailed(ModelError):
    """The model runs, but what it answers to sample texts cannot be right."""


class RegistrationFailed(ModelError):
    """The source cannot be registered; the store is as it was. The message says what to do."""


class InvalidAlias(ModelError):
    """What was given cannot be an alias; the message says what can."""


class AliasNotSet(ModelError):
    """The model store could not be written; the aliases are as they were."""


class RunnerDied(ModelError):
    """The runner process ended while the call was in it."""


class RunnerGone(RunnerDied):
    """The runner had ended before the call was sent: nothing is known against the text."""


class DeadlineExceeded(ModelError):
    """The answer was not there in time."""


class InferenceFailed(ModelError):
    """The engine could not answer this text; the model goes on."""
