"""Tokens as settings: strict, never shown, from the environment or from files."""

import traceback
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError
from api.tokens import LEAST

ADMIN, OTHER, PREDICT = "admin-0123456789", "admin-9876543210", "predict-01234567"
UNFIT = "p4ssw*rd"


def read(monkeypatch: pytest.MonkeyPatch, **variables: str | Path) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"MODEL_CACHE_{name.upper()}", str(value))
    return Settings.from_environment()


def test_several_tokens_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = read(monkeypatch, admin_token=f" {ADMIN},{OTHER} ", predict_token=PREDICT).keys()

    assert keys.admin == (ADMIN.encode(), OTHER.encode())
    assert keys.predict == (PREDICT.encode(),)


def test_tokens_are_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once, at start: what the file holds later does not count. Line ends are no part of them."""
    (tmp_path / "admin").write_text(f"{ADMIN},{OTHER}\n")
    (tmp_path / "predict").write_text(f"{PREDICT}\r\n")
    settings = read(
        monkeypatch,
        admin_token_file=tmp_path / "admin",
        predict_token_file=tmp_path / "predict",
    )
    (tmp_path / "admin").write_text("")

    assert settings.keys().admin == (ADMIN.encode(), OTHER.encode())
    assert settings.keys().predict == (PREDICT.encode(),)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "MODEL_CACHE_ADMIN_TOKEN: a token is empty: unset the variable, or make one"),
        (" \t ", "MODEL_CACHE_ADMIN_TOKEN: a token is empty"),
        (f"{ADMIN},", "MODEL_CACHE_ADMIN_TOKEN: a token is empty"),
        (f"{ADMIN},,{OTHER}", "MODEL_CACHE_ADMIN_TOKEN: a token is empty"),
        ("a" * (LEAST - 1), "MODEL_CACHE_ADMIN_TOKEN: a token has fewer than 16 characters"),
        (f"{ADMIN},a", "MODEL_CACHE_ADMIN_TOKEN: a token has fewer than 16 characters"),
        (UNFIT * 3, "MODEL_CACHE_ADMIN_TOKEN: a token is of letters, digits and"),
        ("sixteen letters é", "MODEL_CACHE_ADMIN_TOKEN: a token is of letters, digits and"),
        (f"{ADMIN}\n{OTHER}", "MODEL_CACHE_ADMIN_TOKEN: a token is of letters, digits and"),
    ],
)
def test_a_token_that_is_no_good_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, complaint: str
) -> None:
    """In a file, too. Seen failing with blanks taken as a token."""
    (tmp_path / "token").write_text(value)
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, admin_token=value)
    monkeypatch.delenv("MODEL_CACHE_ADMIN_TOKEN")
    with pytest.raises(SettingsError) as from_file:
        read(monkeypatch, admin_token_file=tmp_path / "token")

    assert complaint in str(caught.value)
    assert complaint.replace("TOKEN:", "TOKEN_FILE:") in str(from_file.value)
    for told in (caught, from_file):
        shown = "".join(traceback.format_exception(told.value))
        assert UNFIT not in shown
        assert ADMIN not in shown


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        (
            {"admin_token": ADMIN, "admin_token_file": "FILE"},
            "give MODEL_CACHE_ADMIN_TOKEN or MODEL_CACHE_ADMIN_TOKEN_FILE, not both",
        ),
        ({"predict_token": PREDICT}, "MODEL_CACHE_PREDICT_TOKEN without MODEL_CACHE_ADMIN_TOKEN"),
        ({"admin_token": ADMIN, "predict_token": f"{PREDICT},{ADMIN}"}, "a token in common"),
    ],
)
def test_tokens_that_do_not_fit_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], complaint: str
) -> None:
    """Seen failing with each of the three checks left out."""
    (tmp_path / "token").write_text(OTHER)
    given = {
        name: value.replace("FILE", str(tmp_path / "token")) for name, value in variables.items()
    }
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, **given)

    assert complaint in str(caught.value)
    assert ADMIN not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_cannot_be_read_is_told_without_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Fault found: a token that was given where its file belongs was printed."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe" * 20)
    told = []
    for name in ("missing", "bytes", "."):
        with pytest.raises(SettingsError) as caught:
            read(monkeypatch, admin_token_file=tmp_path / name)
        told.append(str(caught.value))

    assert "MODEL_CACHE_ADMIN_TOKEN_FILE: the file cannot be read: No such file" in told[0]
    assert not any(str(tmp_path) in words for words in told)
    assert "is no text" in told[1]
    assert "cannot be read: Is a directory" in told[2]


def test_settings_do_not_show_their_tokens(tmp_path: Path) -> None:
    """Nor does pydantic's own error. Planted fault: the tokens as plain text."""
    (tmp_path / "token").write_text(PREDICT)
    settings = Settings.model_validate(
        {"admin_token": ADMIN, "predict_token_file": str(tmp_path / "token")}
    )
    with pytest.raises(ValueError, match="fewer than 16") as caught:
        Settings.model_validate({"admin_token": "short-one"})

    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert ADMIN not in shown
    assert PREDICT not in shown
    assert "short-one" not in f"{caught.value!r}{caught.value}"
