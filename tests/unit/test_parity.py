"""The gate for quantising: what agrees, and what is decided enough for that to mean anything."""

from dataclasses import replace

import pytest

from models.registration.parity import Answer, compare, disagreement, indecision
from models.spec import Parity

YES: Answer = (0.9, 0.1)
NO: Answer = (0.1, 0.9)
AGREED = Parity(agreement=1.0, largest_shift=0.2, texts=512, reference="the fp32 graph")


def answers(yes: int, no: int) -> list[Answer]:
    return [YES] * yes + [NO] * no


def test_agreement_counts_labels_and_the_shift_is_the_largest_of_any_probability() -> None:
    """Planted fault: the shift of the first label alone."""
    before: list[Answer] = [(0.6, 0.3, 0.1), (0.2, 0.5, 0.3)]
    after: list[Answer] = [(0.6, 0.1, 0.3), (0.25, 0.1, 0.65)]

    assert compare(before, after, "it") == Parity(0.5, 0.4, 2, "it")


def test_texts_that_the_reference_cannot_read_do_not_count() -> None:
    assert compare([None, YES], [None, YES], "it").texts == 1
    with pytest.raises(ValueError, match="no text can be read"):
        compare([None], [YES], "it")


def test_a_text_that_can_no_longer_be_read_has_lost_its_label() -> None:
    """Planted fault: texts that either cannot read are left out."""
    assert compare([YES, YES], [None, YES], "it") == Parity(0.5, 1.0, 2, "it")


def test_two_changed_labels_of_512_pass_and_a_third_does_not() -> None:
    assert disagreement(replace(AGREED, agreement=510 / 512)) is None
    assert disagreement(replace(AGREED, agreement=509 / 512)) == (
        "3 of 512 texts get another label (99.41% agree, 99.5% must; a probability moves by 0.2)"
    )


def test_a_model_that_uses_its_labels_and_is_sure_of_them_is_decided() -> None:
    assert indecision(answers(400, 112)) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([(0.55, 0.45), (0.45, 0.55)] * 256, "the first label leads by 0.10 or less"),
        ([(0.4, 0.35, 0.25), (0.3, 0.4, 0.3)] * 256, "the first label leads by"),
        (answers(512, 0), "it gives one label to 512 of 512 texts"),
        (answers(500, 12), "it gives one label to 500 of 512 texts"),
        ([None] * 512, "it can read none of the texts"),
    ],
)
def test_answers_of_an_untrained_head_show_nothing(given: list[Answer], told: str) -> None:
    """Near even odds, or one label for everything: where agreement is a toss-up, or free.

    Planted fault: agreement alone decides.
    """
    assert told in str(indecision(given))
