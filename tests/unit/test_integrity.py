"""Digests of model files, and what is remembered of them."""

import os
import time
from io import BufferedReader
from pathlib import Path

import pytest

from models.errors import ModelLoadFailed
from models.integrity import Verifier, combined_digest, copy_with_digest, file_digest


def model(folder: Path) -> dict[str, str]:
    (folder / "model.onnx").write_bytes(b"weights")
    (folder / "tokenizer.json").write_bytes(b"words")
    return {name: file_digest(folder / name) for name in ("model.onnx", "tokenizer.json")}


def a_minute_later() -> float:
    """What was changed just now is not remembered; by then it is."""
    return time.time() + 60


def test_what_was_registered_passes(tmp_path: Path) -> None:
    digests = model(tmp_path)

    Verifier().check(tmp_path, digests)


def test_a_changed_byte_is_named_with_its_file(tmp_path: Path) -> None:
    """Fails when digests are compared without hashing what is on the disk."""
    digests = model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"weightz")

    with pytest.raises(ModelLoadFailed, match=r"model\.onnx is not what .* register it again"):
        Verifier().check(tmp_path, digests)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    digests = model(tmp_path)
    (tmp_path / "tokenizer.json").unlink()

    with pytest.raises(ModelLoadFailed, match=r"tokenizer\.json is missing"):
        Verifier().check(tmp_path, digests)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="is gone; register it again"):
        Verifier().check(tmp_path / "none", {"model.onnx": "00"})


def test_a_change_of_same_size_and_time_after_the_first_check_is_seen(tmp_path: Path) -> None:
    """Fails when files are remembered by size and modification time alone."""
    digests = model(tmp_path)
    verifier = Verifier(now=a_minute_later)
    verifier.check(tmp_path, digests)
    before = (tmp_path / "model.onnx").stat()

    (tmp_path / "model.onnx").write_bytes(b"weightz")
    os.utime(tmp_path / "model.onnx", ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ModelLoadFailed, match=r"model\.onnx"):
        verifier.check(tmp_path, digests)


def test_changes_right_after_a_check_are_seen(tmp_path: Path) -> None:
    """Older kernels stamp files in steps of some milliseconds, so times alone would not tell."""
    digests = model(tmp_path)
    verifier = Verifier()
    for _ in range(50):
        (tmp_path / "model.onnx").write_bytes(b"weights")
        verifier.check(tmp_path, digests)

        (tmp_path / "model.onnx").write_bytes(b"weightz")

        with pytest.raises(ModelLoadFailed, match=r"model\.onnx"):
            verifier.check(tmp_path, digests)


def test_a_file_that_did_not_change_is_hashed_once(tmp_path: Path) -> None:
    """Fails when nothing is remembered."""
    digests = model(tmp_path)
    hashed: list[str] = []

    def digest(file: BufferedReader) -> str:
        hashed.append(Path(file.name).name)
        return digests[hashed[-1]]

    verifier = Verifier(now=a_minute_later, digest=digest)

    for _ in range(3):
        verifier.check(tmp_path, digests)

    assert sorted(hashed) == ["model.onnx", "tokenizer.json"]


def test_a_link_in_the_folder_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    """Fails when links are followed: the digest of what is outside may well be right."""
    (tmp_path / "entry" / "deep").mkdir(parents=True)
    digests = model(tmp_path / "entry")
    (tmp_path / "entry" / "deep" / "more").symlink_to("/etc")

    with pytest.raises(ModelLoadFailed, match="more is a symbolic link"):
        Verifier().check(tmp_path / "entry", digests)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", ""])
def test_metadata_cannot_name_a_file_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelLoadFailed, match="outside of its folder"):
        Verifier().check(tmp_path, {name: "00"})


def test_metadata_without_digests_vouches_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="no digests"):
        Verifier().check(tmp_path, {})


def test_a_copy_tells_the_digest_of_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3_000_000))

    digest = copy_with_digest(tmp_path / "a", tmp_path / "b")

    assert digest == file_digest(tmp_path / "b") == file_digest(tmp_path / "a")


def test_a_combined_digest_does_not_depend_on_order_but_on_every_part() -> None:
    assert combined_digest({"a": "1", "b": "2"}) == combined_digest({"b": "2", "a": "1"})
    assert combined_digest({"a": "1", "b": "2"}) != combined_digest({"a": "2", "b": "1"})
