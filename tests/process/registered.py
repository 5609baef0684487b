"""Registers models into the store of a server that is to be started."""

import asyncio
from pathlib import Path

from models.catalogue import load_catalogue
from models.forkserver import ForkServer
from models.registration.register import register
from models.store import ModelStore

EMBEDDED_FOLDER = Path(__file__).parents[2] / "models" / "embedded"


def register_as(home: Path, *names: str, folder: Path = EMBEDDED_FOLDER) -> None:
    """Register the model in `folder` under each of `names`, in the store of BENTOML_HOME `home`."""
    asyncio.run(_register(home, names, folder))


def register_copies(home: Path, count: int) -> list[str]:
    """Register the embedded model `count` times; the names."""
    names = [f"copy-{number:02}" for number in range(count)]
    register_as(home, *names)
    return names


async def _register(home: Path, names: tuple[str, ...], folder: Path) -> None:
    store = ModelStore(home / "models")
    forkserver = await ForkServer.start()
    try:
        for name in names:
            await register(
                name,
                f"dir:{folder}",
                store=store,
                forkserver=forkserver,
                catalogue=load_catalogue(),
                progress=lambda _: None,
            )
    finally:
        await forkserver.aclose()
