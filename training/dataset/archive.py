"""Files inside downloaded packages, read without installing anything."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.labelled.rows import DataError


@dataclass(frozen=True, slots=True)
class Packages:
    """`wheels` says where the wheel of each package is."""

    wheels: Mapping[str, Path]

    def names(self, package: str, folder: str, ending: str) -> list[str]:
        """Files of that ending right in a folder of the package, sorted. Raises DataError."""
        with self._opened(package) as wheel:
            found = [name for name in wheel.namelist() if name.rpartition("/")[0] == folder]
        return sorted(name for name in found if name.endswith(ending))

    def read(self, package: str, name: str) -> bytes:
        """Raises DataError."""
        with self._opened(package) as wheel:
            try:
                return wheel.read(name)
            except KeyError as error:
                raise DataError(f"{self.wheels[package].name} has no {name}") from error
            except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise self._damaged(package, error) from error

    def text(self, package: str, name: str) -> str:
        """A file in UTF-8, its line ends as they are. Raises DataError."""
        try:
            return self.read(package, name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._damaged(package, error) from error

    def _opened(self, package: str) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.wheels[package])
        except (OSError, zipfile.BadZipFile) as error:
            raise self._damaged(package, error) from error

    def _damaged(self, package: str, error: Exception) -> DataError:
        return DataError(f"{self.wheels[package]} cannot be read: {error}")
