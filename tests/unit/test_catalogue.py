"""The catalogue and names of models."""

from pathlib import Path

import pytest

from cache.ports import Priority
from models.catalogue import CatalogueError, ModelRef, load_catalogue, parse_ref
from models.errors import ModelNotFound
from models.spec import ModelSpec, harmless_label


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_catalogue_names_the_documented_models_and_the_embedded_one() -> None:
    assert {spec.name: spec.origin for spec in load_catalogue()} == {
        "deberta-v3-base_pretrained": "hf:microsoft/deberta-v3-base",
        "roberta-base_pretrained": "hf:FacebookAI/roberta-base",
        "bert-base-uncased_pretrained": "hf:google-bert/bert-base-uncased",
        "distilbert-base-uncased_pretrained": "hf:distilbert/distilbert-base-uncased",
        "minilm-l6-v2_trained": "embedded",
    }


def test_documented_models_come_from_hugging_face_and_the_default_is_embedded() -> None:
    catalogue = load_catalogue()

    assert {spec.source for spec in catalogue if spec.name.endswith("_pretrained")} == {
        "Hugging Face"
    }
    assert catalogue.embedded.source == "Embedded"


def test_every_field_of_an_entry_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [models.mine]
        origin = "dir:/srv/mine"
        source = "MLflow"
        engine = "transformers"
        precision = "fp32"
        labels = { LABEL_0 = "benign", LABEL_1 = "jailbreak" }
        priority = "high"
        ttl = 60
        pin = true
        max_length = 256
        warmup_texts = ["hello"]
        harmless = "benign"
        device = "cuda:1"
        """,
    )

    spec = load_catalogue(path).specs["mine"]

    assert (spec.origin, spec.source, spec.engine) == ("dir:/srv/mine", "MLflow", "transformers")
    assert spec.labels == {"LABEL_0": "benign", "LABEL_1": "jailbreak"}
    assert (spec.priority, spec.ttl, spec.pin) == (Priority.HIGH, 60.0, True)
    assert (spec.precision, spec.max_length, spec.warmup_texts) == ("fp32", 256, ("hello",))
    assert (spec.harmless, spec.device) == ("benign", "cuda:1")


def test_a_catalogue_of_ones_own_replaces_the_shipped_one_but_keeps_the_default(
    tmp_path: Path,
) -> None:
    catalogue = load_catalogue(written(tmp_path, '[models.mine]\norigin = "hf:me/mine"'))

    assert list(catalogue.specs) == ["mine"]
    assert catalogue.specs["mine"].source == "Hugging Face"
    assert catalogue.embedded.name == "minilm-l6-v2_trained"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[models", "not valid TOML"),
        ("[other.mine]", "nothing else at the top level"),
        ("models = 3", "nothing else at the top level"),
        ('[models.Mine]\norigin = "embedded"', "entry 'Mine': not a valid name"),
        ("[models]\nmine = 3", "entry 'mine': expected a table"),
        ("[models.mine]", "field 'origin' is missing"),
        ('[models.mine]\norigin = "ftp:x"', "field 'origin' is 'ftp:x'; it must be"),
        ('[models.mine]\norigin = "embedded"\nptiority = "low"', "unknown field 'ptiority'"),
        ('[models.mine]\norigin = "embedded"\npriority = "HIGH"', "field 'priority' is 'HIGH'"),
        ('[models.mine]\norigin = "embedded"\nttl = 0', "field 'ttl' is 0; it must be seconds"),
        ('[models.mine]\norigin = "embedded"\nttl = true', "field 'ttl' is True"),
        ('[models.mine]\norigin = "embedded"\nmax_length = 1', "field 'max_length' is 1"),
        ('[models.mine]\norigin = "embedded"\npin = "no"', "field 'pin' is 'no'"),
        ('[models.mine]\norigin = "embedded"\nsource = "S3"', "field 'source' is 'S3'"),
        ('[models.mine]\norigin = "embedded"\nlabels = { a = "x", b = "x" }', "field 'labels'"),
        (
            '[models.mine]\norigin = "embedded"\nlabels = { a = "x", b = "y" }\nharmless = "b"',
            "field 'harmless' is 'b'; it must be one of the names that 'labels' gives: x, y",
        ),
        ('[models.mine]\norigin = "embedded"\ndevice = "gpu"', "field 'device' is 'gpu'"),
        ('[models.mine]\norigin = "embedded"\ndevice = "cuda:"', "field 'device' is 'cuda:'"),
        ('[models.mine]\norigin = "embedded"\nengine = "pytorch"', "field 'engine' is 'pytorch'"),
        ('[models.mine]\norigin = "embedded"\nprecision = "int4"', "field 'precision' is 'int4'"),
        ('[models.mine]\norigin = "embedded"\nwarmup_texts = "x"', "field 'warmup_texts'"),
    ],
)
def test_a_faulty_catalogue_is_refused_with_file_entry_and_field(
    tmp_path: Path, text: str, told: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(CatalogueError) as refused:
        load_catalogue(path)

    assert str(refused.value).startswith(str(path))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "named", "harmless"),
    [
        (("benign", "attack"), None, "benign"),
        (("benign", "fine"), "fine", "fine"),
        (("fine", "attack"), None, None),
        (("benign", "attack"), "gone", "benign"),
        (("ok", "attack"), "gone", None),
    ],
)
def test_the_harmless_label_is_the_named_one_or_benign_or_none(
    labels: tuple[str, ...], named: str | None, harmless: str | None
) -> None:
    """A name that the registered model does not have counts for nothing.

    Planted fault: the catalogue's word is taken without a look at the labels.
    """
    assert harmless_label(labels, ModelSpec("m", "embedded", harmless=named)) == harmless


def test_a_model_outside_of_the_catalogue_has_its_benign_label() -> None:
    assert harmless_label(("benign", "attack"), None) == "benign"


def test_a_missing_catalogue_names_the_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="correct the setting `catalogue`"):
        load_catalogue(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("bert-base-uncased_pretrained", ModelRef("bert-base-uncased_pretrained")),
        ("a", ModelRef("a")),
        ("a.b:1.0-x", ModelRef("a.b", "1.0-x")),
        ("a:latest", ModelRef("a", "latest")),
        ("a:champion", ModelRef("a", "champion")),
        ("a@champion", ModelRef("a", "champion")),
        ("a:b-", ModelRef("a", "b-")),
        ("a" * 63, ModelRef("a" * 63)),
    ],
)
def test_a_reference_is_a_name_or_a_name_with_a_version(text: str, ref: ModelRef) -> None:
    assert parse_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        "../../etc/passwd",
        "a/b",
        "a" * 300,
        "a" * 64,
        "Bert",
        "a\0",
        "a\n",
        "a:",
        "a:b:c",
        "a@",
        "a@b@c",
        "a@b:c",
        "a:b@c",
        "@b",
        "a:../b",
        ":b",
        "-a",
        "ä",
        " a",
    ],
)
def test_what_cannot_be_a_name_is_not_found(text: str) -> None:
    """Fails on "a\\n" when the pattern ends in `$` in place of a full match."""
    with pytest.raises(ModelNotFound) as refused:
        parse_ref(text)

    assert len(str(refused.value)) < 200
