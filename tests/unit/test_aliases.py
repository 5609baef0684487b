"""What an alias may be, and the file of them: written, read, damaged."""

import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.aliases import (
    FILE,
    NONE,
    AliasFiles,
    aliases_text,
    check_alias,
    is_alias,
    parse_aliases,
    with_alias,
)
from models.errors import InvalidAlias

ALIASES = st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True).filter(is_alias)
VERSIONS = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)


@pytest.mark.parametrize("alias", ["champion", "challenger", "a", "a-", "blue_2", "x" * 31])
def test_an_alias_is_a_short_word_with_a_letter_first(alias: str) -> None:
    check_alias(alias)


@pytest.mark.parametrize(
    "alias",
    ["", "latest", "1st", "Champion", "a.b", "a b", "a:b", "a/b", "x" * 32, "ä", "a\n", "-a"],
)
def test_what_is_no_such_word_is_refused_with_a_reason(alias: str) -> None:
    """Seen failing on "a\\n" with a match in place of a full match."""
    with pytest.raises(InvalidAlias, match="alias"):
        check_alias(alias)


@pytest.mark.parametrize("alias", ["k3q2vxbqgkwmqaav", "deadbeefdeadbeef", "abcdefabcdef"])
def test_what_looks_like_the_digest_of_a_version_is_refused(alias: str) -> None:
    """A registration to come might be called so. Seen failing without the second pattern."""
    with pytest.raises(InvalidAlias, match="digest"):
        check_alias(alias)


@given(st.dictionaries(ALIASES, VERSIONS, max_size=5))
def test_what_is_written_is_read_again(aliases: dict[str, str]) -> None:
    assert parse_aliases(aliases_text(aliases).encode()) == aliases


@given(st.binary(max_size=200))
def test_whatever_the_bytes_they_are_read_or_refused_with_a_reason(data: bytes) -> None:
    """Nothing but ValueError comes out. Seen failing with a list taken for an object."""
    try:
        aliases = parse_aliases(data)
    except ValueError:
        return
    assert all(is_alias(alias) for alias in aliases)


@given(st.dictionaries(ALIASES, VERSIONS, min_size=1, max_size=5), st.data())
def test_a_file_that_ends_early_is_refused_as_a_whole(
    aliases: dict[str, str], data: st.DataObject
) -> None:
    """Half of the aliases would be worse than none."""
    text = aliases_text(aliases).rstrip().encode()
    with pytest.raises(ValueError, match=r".+"):
        parse_aliases(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.dictionaries(ALIASES, VERSIONS, max_size=5), ALIASES, VERSIONS)
def test_to_set_and_delete_an_alias_leaves_the_others(
    aliases: dict[str, str], alias: str, version: str
) -> None:
    there = with_alias(aliases, alias, version)

    assert there == {**aliases, alias: version}
    assert with_alias(there, alias, None) == {k: v for k, v in aliases.items() if k != alias}


def test_no_file_means_no_aliases_and_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert AliasFiles().read(tmp_path / "nobody") == NONE
    assert caplog.records == []


def test_a_damaged_file_is_reported_once_and_what_was_read_before_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Seen failing with a warning for each reading, and with the aliases forgotten."""
    files = AliasFiles()
    (tmp_path / FILE).write_text(aliases_text({"champion": "v1"}))
    before = files.read(tmp_path)
    (tmp_path / FILE).write_text('{"champion": "v')

    after = [files.read(tmp_path) for _ in range(3)]

    assert before == {"champion": "v1"}
    assert after == [before] * 3
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "scripts/alias" in record.getMessage()


def test_a_file_that_was_damaged_from_the_start_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe" + os.urandom(10))

    assert AliasFiles().read(tmp_path) == NONE


def test_a_file_that_is_mended_is_read_again(tmp_path: Path) -> None:
    files = AliasFiles()
    (tmp_path / FILE).write_text("[]")
    files.read(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"champion": "v22"}))

    assert files.read(tmp_path) == {"champion": "v22"}


def test_a_folder_in_the_place_of_the_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    assert AliasFiles().read(tmp_path) == NONE


def test_a_file_that_cannot_even_be_looked_at_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link to itself."""
    (tmp_path / FILE).symlink_to(FILE)
    files = AliasFiles()

    assert [files.read(tmp_path) for _ in range(3)] == [NONE] * 3
    assert len(caplog.records) == 1
