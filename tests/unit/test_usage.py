from models.usage import Origin, Usage, total


def test_the_hit_rate_is_zero_before_the_first_request() -> None:
    assert Usage().performance().hit_rate == 0.0


def test_hits_and_misses_add_up_to_what_was_answered() -> None:
    usage = Usage()

    usage.answer(hit=True, seconds=0.01)
    usage.answer(hit=False, seconds=0.03)

    figures = usage.performance()
    assert figures.hits + figures.misses == figures.predictions == 2
    assert figures.average_inference_seconds == 0.02


def test_what_took_no_inference_is_answered_and_leaves_the_average_as_it_is() -> None:
    """Fault planted: the average over all that was answered."""
    usage = Usage()

    usage.answer(hit=False, seconds=0.03)
    usage.answer(hit=True, seconds=0.0, origin=Origin.CACHED)
    usage.answer(hit=False, seconds=0.0, origin=Origin.JOINED)

    for figures in (usage.performance(), total([usage.performance(), Usage().performance()])):
        assert (figures.predictions, figures.hits, figures.misses) == (3, 1, 2)
        assert (figures.cached, figures.joined, figures.computed) == (1, 1, 1)
        assert figures.average_inference_seconds == 0.03


def test_a_text_asks_for_a_new_measurement_only_when_it_is_the_longest_since_the_load() -> None:
    usage = Usage()

    assert [usage.reads_longer(tokens) for tokens in (5, 5, 9, 3)] == [True, False, True, False]
    usage.loaded(0.1)
    assert usage.reads_longer(3)


def test_the_average_over_models_weighs_by_predictions() -> None:
    busy, idle = Usage(), Usage()
    for _ in range(3):
        busy.answer(hit=True, seconds=0.01)
    idle.answer(hit=False, seconds=0.05)

    figures = total([busy.performance(), idle.performance()])

    assert figures.predictions == 4
    assert figures.average_inference_seconds == 0.02
