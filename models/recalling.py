"""Predictions that cost no inference: those made before, and those being made for somebody else.

What was made before is looked up here, then, if that is set, where services share it.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from sys import getsizeof
from typing import Any

from cache.coalescing import Coalescing
from cache.results import Results
from models.answering import Answered
from models.catalogue import Catalogue, ModelRef
from models.config import ServingConfig
from models.engines import Row
from models.shared.sharing import Sharing, StoredOf
from models.usage import Origin
from models.versions import name_of
from models.views.system import PredictionCacheView

_DIGEST_BYTES = 16
"""Of a billion texts asked of one version, the odds that any two share a digest are 1 to 10^20."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a version says of a text. `labels` is one object for all verdicts of a runner."""

    row: Row
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recalled:
    """One text's answer, by the version `key`. `hit`: it waited for no load.

    `seconds` were spent in the runner for this request: none unless it was computed for it.
    """

    verdict: Verdict
    key: str
    hit: bool
    origin: Origin
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found for the texts of a request, by digest, and what is still `wanted`."""

    key: str
    now: float
    digests: Sequence[bytes]
    wanted: Mapping[bytes, str]
    recalled: dict[bytes, Recalled] = field(default_factory=dict)

    @property
    def cost_nothing(self) -> bool:
        """Was everything answered before? Then no lease was taken."""
        return all(one.origin is Origin.CACHED for one in self.recalled.values())

    def answers(self) -> Iterator[Recalled]:
        """One for each text, in order; a text that is given again has joined itself."""
        for digest in self.digests:
            one = self.recalled[digest]
            yield one
            if one.origin is Origin.COMPUTED:
                self.recalled[digest] = _joined(one)


Compute = Callable[[Sequence[str]], Coroutine[Any, Any, Sequence[Answered]]]
"""Has the model answer texts, in order; fails as a whole."""


class Recalling:
    """Answers each text from the cache, by joining work under way, or by `compute`.

    An answer is kept for the version that gave it, whichever was asked for. To unload a model
    leaves its answers, which stay true; they are dropped when its name stands for another version.

    `stored_of` tells of a version what `sharing` goes by; those have nothing to drop, because
    another version is another key there.
    """

    def __init__(
        self,
        config: ServingConfig,
        catalogue: Catalogue,
        sharing: Sharing | None = None,
        stored_of: StoredOf = lambda _key: None,
    ) -> None:
        self._catalogue = catalogue
        self._sharing = sharing
        self._stored_of = stored_of
        self._max_windows = config.max_windows
        self._results: Results[Verdict] = Results(
            config.prediction_cache, config.prediction_cache_ttl, size_of
        )
        self._coalescing: Coalescing[Mapping[bytes, Recalled]] = Coalescing()
        self._current: dict[str, str] = {}
        self._beginnings: dict[str, blake2b] = {}
        self.enabled = config.prediction_cache > 0

    def look_up(self, ref: ModelRef, key: str, texts: Sequence[str], now: float) -> Lookup:
        """What the cache has of the version `key`, for which `ref` stands.

        Where a name has come to stand for another version, the answers of the former are dropped.
        """
        self._follow(ref, key)
        digests = [self._digest(key, text) for text in texts]
        wanted = dict(zip(digests, texts, strict=True))
        lookup = Lookup(key, now, digests, wanted)
        for digest in tuple(wanted):
            verdict = self._results.get(key, digest, now)
            if verdict is not None:
                lookup.recalled[digest] = Recalled(verdict, key, hit=True, origin=Origin.CACHED)
                del wanted[digest]
        return lookup

    async def complete(self, lookup: Lookup, keep_alive: float | None, compute: Compute) -> None:
        """Have the rest answered, by the version that was looked up or one in its place.

        Requests for the same texts at the same time share one computation, unless they differ in
        `keep_alive`: that is for the computation's lease to honour.
        """
        answered, joined = await self._coalescing.run(
            (lookup.key, keep_alive, *lookup.wanted), lambda: self._compute(lookup, compute)
        )
        for digest, one in answered.items():
            lookup.recalled[digest] = _joined(one) if joined else one

    def forget(self, name: str) -> None:
        """Drop the answers of a model that is not registered any more."""
        self._results.drop(self._current.pop(name, name))

    def view(self) -> PredictionCacheView:
        figures = self._results.figures()
        return PredictionCacheView(
            capacity=figures.capacity,
            size=figures.bytes,
            entries=figures.entries,
            hits=figures.hits,
            misses=figures.misses,
            bypassed=figures.bypassed,
            joined=self._coalescing.joined,
            evictions=figures.evictions,
            models_off=figures.scopes_off,
            shared=None if self._sharing is None else self._sharing.view(),
        )

    def _follow(self, ref: ModelRef, key: str) -> None:
        if ref.version is None and (former := self._current.get(ref.name)) != key:
            self._current[ref.name] = key
            if former is not None:
                self._results.drop(former)

    async def _compute(self, lookup: Lookup, compute: Compute) -> dict[bytes, Recalled]:
        found: dict[bytes, Recalled] = {}
        rest = lookup.wanted
        if self._sharing is not None:
            found = await self._shared(self._sharing, lookup)
            rest = {digest: text for digest, text in rest.items() if digest not in found}
            if not rest:
                return found
        answers = await compute(tuple(rest.values()))
        for (digest, text), answer in zip(rest.items(), answers, strict=True):
            one = found[digest] = computed(answer)
            kept_as = digest if one.key == lookup.key else self._digest(one.key, text)
            self._results.put(one.key, kept_as, one.verdict, lookup.now)
            if self._sharing is not None:
                self._sharing.keep(one.key, answer.live.stored, kept_as, answer.row)
        return found

    async def _shared(self, sharing: Sharing, lookup: Lookup) -> dict[bytes, Recalled]:
        """What others answered. It is kept here as well, and expires when it does there."""
        stored = self._stored_of(lookup.key)
        if stored is None:
            return {}
        found: dict[bytes, Recalled] = {}
        shared = await sharing.find(lookup.key, stored, lookup.wanted)
        for digest, each in shared.items():
            verdict = Verdict(each.row, each.labels)
            self._results.put(lookup.key, digest, verdict, lookup.now - each.age)
            found[digest] = Recalled(verdict, lookup.key, hit=True, origin=Origin.CACHED)
        return found

    def _digest(self, key: str, text: str) -> bytes:
        """Of the exact text, and of all that decides what it is answered."""
        beginning = self._beginnings.get(key)
        if beginning is None:
            beginning = self._beginnings[key] = self._beginning(key)
        hashed = beginning.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        return hashed.digest()

    def _beginning(self, key: str) -> blake2b:
        """A version fixes its files, labels and length of input; these are not in it."""
        spec = self._catalogue.get(name_of(key))
        beside = (key, self._max_windows, spec.harmless if spec else None)
        return blake2b(f"{beside}\0".encode(), digest_size=_DIGEST_BYTES)


def size_of(verdict: Verdict) -> int:
    """Bytes of it and of all that only it refers to."""
    row = verdict.row
    numbers = (*row.probabilities, row.tokens)
    return sum(map(getsizeof, (verdict, row, row.probabilities, *numbers)))


def computed(answer: Answered) -> Recalled:
    """As it was answered for this request."""
    verdict = Verdict(answer.row, answer.live.stored.labels)
    return Recalled(verdict, answer.key, answer.hit, Origin.COMPUTED, answer.seconds)


def _joined(one: Recalled) -> Recalled:
    """As it is for whoever waited for it: he shared an inference, if there was one."""
    if one.origin is not Origin.COMPUTED:
        return one
    return replace(one, origin=Origin.JOINED, seconds=0.0)
