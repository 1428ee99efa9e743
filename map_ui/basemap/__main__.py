"""Build the offline base map: ``python -m map_ui.basemap [--check]``.

Needs the dependency group ``basemap`` and ``npm ci``; run time needs neither.
"""

import argparse
import sys
from pathlib import Path

from map_ui.basemap import belgium, europe, settlements
from map_ui.basemap.geojson import collection

_ROOT = Path(__file__).resolve().parents[2]


def build(root: Path) -> dict[str, str]:
    """File name to its whole text."""
    cantons = belgium.cantons()
    return {
        "be_cantons.geojson": collection(belgium.canton_features(cantons)),
        "be_provinces.geojson": collection(belgium.province_features(cantons)),
        "eu_countries.geojson": collection(europe.country_features(belgium.country(cantons), root)),
        "places.geojson": collection(settlements.place_features(cantons)),
    }


def main() -> int:
    """Write the files, or with ``--check`` say which of them differ from what would be written."""
    parser = argparse.ArgumentParser(prog="python -m map_ui.basemap", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file would change"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=_ROOT / "tracking" / "geography",
        help="the folder to write to (default: tracking/geography)",
    )
    options = parser.parse_args()
    changed = 0
    for name, text in build(_ROOT).items():
        path: Path = options.output / name
        same = path.exists() and path.read_text("utf-8") == text
        changed += not same
        print(f"{name}: {len(text.encode()) // 1024} kB, {'as it was' if same else 'differs'}")
        if not same and not options.check:
            path.write_text(text, "utf-8")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
