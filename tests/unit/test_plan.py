"""Plans of registrations: the catalogue's word, and the version that content gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.catalogue import Catalogue, load_catalogue
from models.errors import RegistrationFailed
from models.integrity import file_digest
from models.registration.plan import Plan, choose_spec, embedded_digests, plan_for, take_in
from models.registration.sources import EMBEDDED_FOLDER, resolve
from models.spec import ModelSpec

SPEC = ModelSpec(name="mine", origin="embedded", source="Embedded")


def planned(spec: ModelSpec = SPEC) -> Plan:
    return plan_for(spec, resolve("embedded", print), embedded_digests())


def test_the_catalogue_says_where_a_model_comes_from() -> None:
    spec = choose_spec("roberta-base_pretrained", None, load_catalogue())

    assert (spec.origin, spec.source) == ("hf:FacebookAI/roberta-base", "Hugging Face")


def test_a_source_of_one_s_own_takes_the_catalogue_s_place() -> None:
    spec = choose_spec("roberta-base_pretrained", "dir:/srv/mine", load_catalogue())

    assert (spec.origin, spec.source) == ("dir:/srv/mine", "Local")


def test_a_name_outside_of_the_catalogue_needs_a_source() -> None:
    assert choose_spec("mine", "hf:me/mine", Catalogue({})).source == "Hugging Face"
    with pytest.raises(RegistrationFailed, match=r"mine is not in the catalogue.*--source"):
        choose_spec("mine", None, Catalogue({}))


def test_what_is_asked_for_by_hand_goes_before_the_catalogue() -> None:
    catalogue = Catalogue({"mine": replace(SPEC, precision="int8")})

    plain = choose_spec("mine", None, catalogue)
    chosen = choose_spec("mine", None, catalogue, engine="transformers", precision="fp32")

    assert (plain.engine, plain.precision) == ("onnx", "int8")
    assert (chosen.engine, chosen.precision) == ("transformers", "fp32")


@pytest.mark.parametrize("name", ["../up", "Mine", "a" * 64, "mine:1", ""])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(RegistrationFailed, match="cannot name a model"):
        choose_spec(name, "embedded", load_catalogue())


@pytest.mark.parametrize("origin", ["", "mine", "ftp:x", "dir:", "hf:"])
def test_what_cannot_be_a_source_is_refused(origin: str) -> None:
    with pytest.raises(RegistrationFailed, match="is no source; use dir:PATH"):
        choose_spec("mine", origin, Catalogue({}))


def test_the_same_content_has_the_same_version_whatever_its_name_and_place() -> None:
    assert planned().version == planned(replace(SPEC, name="other", source="Local")).version


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, max_length=64),
        replace(SPEC, labels={"benign": "harmless"}),
        replace(SPEC, precision="int8"),
    ],
)
def test_another_length_precision_or_other_labels_make_another_version(spec: ModelSpec) -> None:
    """Fails when the version goes by the files alone: a change of the catalogue has no effect."""
    assert planned(spec).version != planned().version


def test_labels_are_renamed_by_the_catalogue_and_keep_their_places() -> None:
    plan = planned(replace(SPEC, labels={"jailbreak": "attack"}))

    assert plan.labels[0] == "benign"
    assert plan.labels[2] == "attack"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (replace(SPEC, labels={"LABEL_0": "x"}), r"labels names \['LABEL_0'\]"),
        (replace(SPEC, labels={"jailbreak": "benign"}), "two labels would have one name"),
        (
            replace(SPEC, engine="transformers"),
            r"engine 'transformers' needs \.safetensors weights",
        ),
        (replace(SPEC, harmless="fine"), "harmless is 'fine', but the labels are"),
    ],
)
def test_a_catalogue_entry_that_does_not_fit_the_model_is_refused(
    spec: ModelSpec, told: str
) -> None:
    with pytest.raises(RegistrationFailed, match=f"catalogue entry 'mine': {told}"):
        planned(spec)


def test_the_embedded_model_reads_128_tokens_though_its_tokenizer_was_cut_at_80() -> None:
    assert planned().max_length == 128


def test_the_digests_that_ship_with_the_embedded_model_are_those_of_its_files() -> None:
    """Fails when a file of models/embedded is changed and SHA256SUMS.txt is not."""
    files = resolve("embedded", print).folder.files

    assert {name: file_digest(file) for name, file in files.items()} == embedded_digests()
    assert (EMBEDDED_FOLDER / "MODEL_CARD.md").is_file()


def test_what_is_taken_in_is_a_copy_with_its_digests(tmp_path: Path) -> None:
    plan = take_in(SPEC, resolve("embedded", print), tmp_path / "source")

    assert {f.name: file_digest(f) for f in (tmp_path / "source").iterdir()} == plan.digests
