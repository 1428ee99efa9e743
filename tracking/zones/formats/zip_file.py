"""Zip files that come from anywhere: nothing is unpacked under a name of theirs, or without end."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import PurePosixPath

from tracking.zones.feature import Unreadable

MOST_ENTRIES = 200
MOST_BYTES = 64 * 1024 * 1024
"""Of everything that is read out of one zip."""


def entries(content: bytes, endings: frozenset[str]) -> Mapping[str, bytes]:
    """What has one of these endings (in small letters), by its path within the zip.

    Raises Unreadable for what is no zip, locked, or unpacks to more than it may.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            listed = [each for each in archive.infolist() if not each.is_dir()]
            if len(listed) > MOST_ENTRIES:
                raise Unreadable(f"A zip may hold {MOST_ENTRIES} files.")
            found: dict[str, bytes] = {}
            left = MOST_BYTES
            for each in listed:
                if PurePosixPath(each.filename).suffix.lower() not in endings:
                    continue
                # What it says of its own size may be a lie: no more than this is unpacked.
                with archive.open(each) as packed:
                    found[each.filename] = packed.read(left + 1)
                left -= len(found[each.filename])
                if left < 0:
                    raise Unreadable(f"A zip may unpack to {MOST_BYTES // 2**20} MB.")
            return found
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"This zip cannot be read: {error}.") from error
    except RuntimeError as error:
        raise Unreadable("This zip is locked with a password.") from error
