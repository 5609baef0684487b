"""What a listing of the store says of names, and what has changed since another."""

from collections.abc import Mapping

from models.catalogue import ModelRef
from models.listing import Change, Listing, changes, listing
from tests.aio.test_directory import stored

NEWER, CHAMPION = Change("mine", newer=True), Change("mine", newer=False)


def of(*versions: str, champion: str | None = None, minutes: Mapping[str, int] = {}) -> Listing:
    """Versions of "mine", each registered at the minute that its number says, or `minutes`."""
    models = [stored("mine", v, minute=minutes.get(v, int(v[1:]))) for v in versions]
    return listing(models, {"mine": {"champion": champion}} if champion else {})


def found(before: Listing, after: Listing) -> list[Change]:
    return list(changes(before, after))


def test_a_plain_name_stands_for_its_champion_else_for_the_newest() -> None:
    assert of("v2", "v1").plain["mine"].version == "v2"
    assert of("v2", "v1", champion="v1").plain["mine"].version == "v1"
    assert of("v2", "v1", champion="v7").plain["mine"].version == "v2"
    assert of("v2", "v1", champion="v7").dangling() == {"mine:v7"}


def test_what_is_known_goes_by_names_versions_and_aliases() -> None:
    here = of("v2", "v1", champion="v1")
    versions = {
        alias: model.version
        for alias in (None, "v2", "champion", "latest", "v3", "blue")
        if (model := here.known(ModelRef("mine", alias)))
    }

    assert versions == {None: "v1", "v2": "v2", "champion": "v1", "latest": "v2"}


def test_the_same_again_is_no_change() -> None:
    assert found(of("v1", "v2"), of("v2", "v1")) == []
    assert found(of("v1", "v2", champion="v1"), of("v1", "v2", champion="v1")) == []


def test_a_newer_version_is_a_change_where_there_is_no_champion() -> None:
    assert found(of("v1"), of("v1", "v2")) == [NEWER]
    assert found(of("v1", champion="v1"), of("v1", "v2", champion="v1")) == []
    assert found(of("v1", champion="v7"), of("v1", "v2", champion="v7")) == [NEWER]


def test_an_older_version_and_a_deletion_are_none() -> None:
    """Planted fault: whatever else the plain name meant counted as newer."""
    assert found(of("v2"), of("v1", "v2")) == []
    assert found(of("v1", "v2"), of("v1")) == []
    assert found(of("v1", "v2"), of()) == []


def test_a_version_that_is_registered_again_is_a_newer_one() -> None:
    assert found(of("v1"), of("v1", minutes={"v1": 9})) == [NEWER]


def test_a_name_that_is_new_or_back_is_told() -> None:
    """Somebody may have it in memory from before the store was away."""
    assert found(of(), of("v1")) == [NEWER]
    assert found(of(), of("v1", champion="v1")) == [CHAMPION]


def test_another_champion_is_a_change_and_so_is_none() -> None:
    assert found(of("v1", "v2"), of("v1", "v2", champion="v1")) == [CHAMPION]
    assert found(of("v1", "v2", champion="v1"), of("v1", "v2", champion="v2")) == [CHAMPION]
    assert found(of("v1", "v2", champion="v1"), of("v1", "v2")) == [CHAMPION]
    assert found(of("v1", "v2", champion="v1"), of("v2", champion="v1")) == [CHAMPION]
