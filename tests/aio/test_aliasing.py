"""What a reference means that has an alias, and how versions are listed."""

import pytest

from models.errors import InvalidAlias, ModelNotFound
from tests.houses import (
    brief,
    champion,
    delete,
    register,
)


@pytest.mark.parametrize("mark", [":", "@"])
async def test_an_alias_is_answered_by_its_version(mark: str) -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.set_alias("mine", "blue", "v1")

        answer = await serving.predict("x", f"mine{mark}blue")
        plain = await serving.predict("x", "mine")

    assert (answer.model_used, answer.version) == ("mine:v1", "v1")
    assert (plain.model_used, plain.version) == ("mine", "v2")


async def test_the_plain_name_is_answered_by_the_champion_and_latest_by_the_newest() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        names = ("mine", "mine:champion", "mine@champion", "mine:latest", "mine:v1")
        answers = [await serving.predict("x", name) for name in names]

    assert [answer.version for answer in answers] == ["v1", "v1", "v1", "v2", "v1"]
    assert home.loader.orders == ["mine:v1", "mine:v2"]


async def test_an_alias_means_the_version_it_was_moved_to() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        for version in ("v1", "v2"):
            await serving.set_alias("mine", "blue", version)
            assert (await serving.predict("x", "mine:blue")).version == version
        await serving.set_alias("mine", "blue", None)
        with pytest.raises(ModelNotFound):
            await serving.predict("x", "mine:blue")


async def test_a_version_is_never_hidden_by_an_alias_of_its_name() -> None:
    """Somebody may register one that is called so afterwards."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await serving.set_alias("mine", "blue", "v1")
        await register(home, "mine:blue")

        assert (await serving.predict("x", "mine:blue")).version == "blue"


@pytest.mark.parametrize("name", ["mine:champion", "mine@blue", "nobody:champion", "nobody:latest"])
async def test_an_alias_that_is_not_set_is_not_found(name: str) -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        for use_case in (serving.predict("x", name), serving.describe(name), serving.load(name)):
            with pytest.raises(ModelNotFound):
                await use_case


async def test_an_alias_whose_version_is_gone_says_so() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.set_alias("mine", "blue", "v1")
        await delete(home, "mine:v1")

        with pytest.raises(ModelNotFound, match="names version v1"):
            await serving.predict("x", "mine:blue")


async def test_a_champion_that_is_gone_counts_for_nothing_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await delete(home, "mine:v1")
        await home.directory.refresh()

        assert (await serving.predict("x", "mine")).version == "v2"
        assert (await serving.versions("mine")).aliases == {"champion": "v1"}
    assert len([r for r in caplog.records if "mine:v1 is not in the model store" in r.message]) == 1


async def test_versions_are_listed_newest_first_with_what_they_are() -> None:
    home = brief("mine:v1", "mine:v2", "mine:v3")
    async with home.open() as serving:
        await champion(home, "v2")
        await serving.set_alias("mine", "blue", "v3")
        await serving.load("mine")
        view = await serving.versions("mine")

    shown = [(v.version, v.aliases, v.current, v.state) for v in view.versions]
    assert (view.name, view.current) == ("mine", "v2")
    assert view.aliases == {"champion": "v2", "blue": "v3"}
    assert shown == [
        ("v3", ("blue", "latest"), False, "not_cached"),
        ("v2", ("champion",), True, "loaded"),
        ("v1", (), False, "not_cached"),
    ]


async def test_a_version_in_memory_that_has_left_the_store_is_listed_as_such() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.load("mine")
        await delete(home, "mine:v2")
        view = await serving.versions("mine")

    assert [(v.version, v.registered, v.current) for v in view.versions] == [
        ("v2", False, True),
        ("v1", True, False),
    ]


async def test_a_model_that_is_only_in_the_catalogue_has_no_versions() -> None:
    home = brief()
    async with home.open() as serving:
        view = await serving.versions("listed")

    assert (view.current, view.versions) == (None, ())


async def test_versions_and_aliases_are_those_of_a_whole_model() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        for name in ("nobody", "mine:v1", "mine@champion", "../x"):
            with pytest.raises(ModelNotFound):
                await serving.versions(name)
            with pytest.raises(ModelNotFound):
                await serving.set_alias(name, "champion", "v1")
        with pytest.raises(InvalidAlias):
            await serving.set_alias("mine", "latest", "v1")
        with pytest.raises(ModelNotFound):
            await serving.set_alias("mine", "champion", "v9")


async def test_a_model_shows_the_aliases_of_the_version_it_stands_for() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        views = [await serving.describe(name) for name in ("mine", "mine:latest", "mine:champion")]

    assert [(view.name, view.version, view.aliases) for view in views] == [
        ("mine", "v1", ("champion",)),
        ("mine:v2", "v2", ("latest",)),
        ("mine", "v1", ("champion",)),
    ]


async def test_kept_answers_are_those_of_the_version_that_the_name_stands_for() -> None:
    """The answer to a text was kept of both. Planted fault: kept by name."""
    home = brief("mine:v1", "mine:v2", prediction_cache=1 << 20)
    home.loader.answers |= {"v1": (0.9, 0.1), "v2": (0.2, 0.8)}
    async with home.open() as serving:
        labels = []
        for version in ("v1", "v2", "v1"):
            await champion(home, version)
            labels += [(a := await serving.predict("x", "mine")).label, a.version]

    assert labels == ["a", "v1", "b", "v2", "a", "v1"]


async def test_the_default_model_may_be_named_by_an_alias() -> None:
    home = brief("mine:v1", "mine:v2", default_model="mine@blue")
    async with home.open() as serving:
        await serving.set_alias("mine", "blue", "v1")

        assert (await serving.predict("x")).version == "v1"
