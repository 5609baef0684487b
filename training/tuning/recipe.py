"""How an encoder is fine-tuned, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """`rate` is the highest learning rate, of the head ten times as much. Lengths are in tokens.

    A batch has as many texts as fit into `batch_tokens` when all are padded to its longest.
    `smoothing` is given to the wrong classes (Szegedy et al., CVPR 2016). `averaging` is the decay
    of the moving average of the weights, which is what is kept. `minutes` bounds the whole
    training, None for all `epochs`; the learning rate goes by whichever ends first. `joined` is
    how many attacks are read once more beside a harmless text, as a part of all. `taught` is how
    much a teacher's answers count beside the labels, where there is one. `caution` is taken off the
    harmless class in the end, in nats.
    """

    epochs: float = 3.0
    rate: float = 5e-5
    batch_tokens: int = 2048
    max_length: int = 128
    smoothing: float = 0.05
    averaging: float = 0.995
    warmup: float = 0.06
    decay: float = 0.01
    word_dropout: float = 0.0
    joined: float = 0.25
    taught: float = 0.5
    caution: float = 0.0
    minutes: float | None = None
    seed: int = 1
