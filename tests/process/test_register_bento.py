"""Registering what stands in the BentoML store already."""

import shutil
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from models.errors import RegistrationFailed
from models.forkserver import ForkServer
from models.store import ModelStore
from tests import tiny
from tests.process.desk import Desk, colours

pytestmark = pytest.mark.process


@pytest.fixture
def desk(tmp_path: Path, forkserver: ForkServer) -> Desk:
    return Desk(ModelStore(tmp_path / "home" / "models"), forkserver)


def save(desk: Desk, tag: str, folder: Path, **metadata: str) -> None:
    """As other programs do."""
    desk.store.path.mkdir(parents=True, exist_ok=True)
    store = BentoStore(desk.store.path)
    with bentoml.models.create(tag, metadata=metadata, _model_store=store) as entry:
        shutil.copytree(folder, entry.path, dirs_exist_ok=True)


async def test_a_model_of_another_program_is_registered(desk: Desk, tmp_path: Path) -> None:
    save(desk, "theirs:v1", colours(tmp_path / "m"), license="mit")

    stored = await desk.register("mine", "bento:theirs:v1")

    assert (stored.source, stored.origin) == ("Local", "bento:theirs:v1")
    assert (stored.revision, stored.license) == ("v1", "mit")
    assert await desk.labels_of(stored, ["red"]) == ["red"]


async def test_when_it_was_saved_makes_no_difference(desk: Desk, tmp_path: Path) -> None:
    """Planted fault: BentoML's model.yaml taken for weights outside of the graph."""
    save(desk, "theirs:v1", colours(tmp_path / "m"))

    stored = await desk.register("mine", "bento:theirs:v1")

    assert (await desk.register("mine", f"dir:{tmp_path / 'm'}")).version == stored.version


async def test_without_a_version_the_latest_is_meant(desk: Desk, tmp_path: Path) -> None:
    save(desk, "theirs:v1", colours(tmp_path / "a"))
    save(desk, "theirs:v2", colours(tmp_path / "b", note="another"))

    assert (await desk.register("mine", "bento:theirs")).revision == "v2"


async def test_an_entry_of_ours_is_registered_under_another_name(
    desk: Desk, tmp_path: Path
) -> None:
    first = await desk.register("first", f"dir:{colours(tmp_path / 'm')}")

    second = await desk.register("second", f"bento:first:{first.version}")

    assert second.labels == tiny.LABELS
    assert await desk.labels_of(second, ["blue"]) == ["blue"]


async def test_pickles_beside_a_model_are_left_behind(desk: Desk, tmp_path: Path) -> None:
    """BentoML writes one beside what `bentoml.transformers.save_model` saves."""
    (colours(tmp_path / "m") / "pipeline.v2.pkl").write_bytes(b"a pickle")
    save(desk, "theirs:v1", tmp_path / "m")

    stored = await desk.register("mine", "bento:theirs:v1")

    assert not list(stored.path.glob("*.pkl"))


@pytest.mark.parametrize("tag", ["nobody", "theirs:v9", "../home", "theirs:../v1", "a:b:c"])
async def test_an_unknown_tag_is_told_with_what_there_is(
    desk: Desk, tmp_path: Path, tag: str
) -> None:
    save(desk, "theirs:v1", colours(tmp_path / "m"))

    with pytest.raises(RegistrationFailed, match="The store holds: theirs:v1"):
        await desk.register("mine", f"bento:{tag}")


async def test_a_link_that_leads_out_of_the_store_is_refused(desk: Desk, tmp_path: Path) -> None:
    save(desk, "theirs:v1", colours(tmp_path / "m"))
    outside = (desk.store.path / "theirs" / "v1").rename(tmp_path / "outside")
    (desk.store.path / "theirs" / "v1").symlink_to(outside)

    with pytest.raises(RegistrationFailed, match="leads out of the store"):
        await desk.register("mine", "bento:theirs:v1")
