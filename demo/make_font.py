"""Make ``stickers.ttf``: the few emoji that ``make_stickers.py`` draws, taken out of Noto Color Emoji.

Only needed after a change of the list of concepts. Wants fontTools and the whole font with colour bitmaps (CBDT):

    python demo/make_font.py /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from make_stickers import CONCEPTS, FONT

# The licence asks that a changed font says so and does not pass for the original.
FAMILY = "Concept Memes Stickers"
NEW_NAMES = {1: FAMILY, 3: f"{FAMILY}: a subset of Noto Color Emoji", 4: FAMILY, 6: FAMILY.replace(" ", "")}
KEPT_NAMES = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]  # 0: copyright, 7: trademark, 13 and 14: licence


def make_font(source: Path, target: Path) -> None:
    wanted = {ord(character) for emoji in CONCEPTS.values() for character in emoji}
    options = subset.Options(layout_features=[], name_IDs=KEPT_NAMES, notdef_outline=True, recalc_timestamp=False)
    options.drop_tables += ["GSUB", "GPOS", "vhea", "vmtx", "meta"]  # one emoji at a time, side by side
    font = TTFont(source, recalcTimestamp=False)
    if "CBDT" not in font:
        raise SystemExit(f"{source} has no colour bitmaps (no CBDT table).")
    missing = sorted(wanted - set(font.getBestCmap()))
    if missing:
        raise SystemExit(f"{source} lacks {', '.join(f'U+{code:04X}' for code in missing)}. Take a newer font.")
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    for name_id, text in NEW_NAMES.items():
        font["name"].removeNames(nameID=name_id)
        font["name"].setName(text, name_id, 3, 1, 0x409)
    font.save(target)
    print(f"{target}: {len(wanted)} emoji, {target.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the emoji of the demo out of Noto Color Emoji.")
    parser.add_argument("source", type=Path, help="NotoColorEmoji.ttf with colour bitmaps")
    parser.add_argument("--out", type=Path, default=FONT, help=f"where the small font goes (default: {FONT.name})")
    args = parser.parse_args()
    make_font(args.source, args.out)


if __name__ == "__main__":
    main()
