"""Which licence a model's files name."""

from pathlib import Path

import pytest

from models.registration.origins.licence import licence_in


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [x]\n---\n# Mine\n", "apache-2.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("---\nlicense: other\nlicense_name: llama\n---\n", "llama"),
        ("# license: mit\n", None),
        ("---\nlicense: mit\n", None),
        ("---\nlicense: [\n---\n", None),
        ("---\nlicense: {a: 1}\n---\n", None),
        ("", None),
    ],
)
def test_the_front_matter_of_a_card_names_it(
    tmp_path: Path, card: str, licence: str | None
) -> None:
    (tmp_path / "README.md").write_text(card)

    assert licence_in(tmp_path) == licence


def test_else_the_settings_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"license": "mit"}')

    assert licence_in(tmp_path) == "mit"


@pytest.mark.parametrize("text", ["[]", "{", "null"])
def test_settings_that_are_none_say_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)

    assert licence_in(tmp_path) is None
