"""Lines of text in a picture: in which order they are read, and which of them are its caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from concept_memes.protocols import FloatArray
from concept_memes.scripts import is_ideograph

__all__ = ["TextLine", "caption_lines", "in_reading_order", "united", "weight_of"]

# Measured on 215 captioned memes, in two random halves; `docs/architecture.md` has the figures.
LEAST_CERTAINTY = 0.8  # of a line, as a share of the surest line's
LEAST_CERTAINTY_OF_ALL = 0.6  # of any line, in [0, 1]
LEAST_CERTAINTY_OF_SHORT = 0.9  # of a line of two letters or digits
LEAST_HEIGHT = 0.6  # of a line, as a share of the height of the caption
LEAST_HEIGHT_OF_LATIN = 0.75  # the same, of a line without ideographs beside a caption with ideographs
# A single letter is a shape that looks like one if it is higher than this share of the picture, or so many times as
# high as the caption beside it.
LARGEST_LETTER = 0.33
LARGEST_LETTER_BESIDE = 1.5
# The same of two letters or ideographs: a drawn cat is read as "ZZ". The highest caption of two has 0.57.
LARGEST_PAIR = 0.6
# A line is taken for one that was read before if its letters are that much like it: one of ten may be misread.
SAME_LINE = 0.8
# Two lines are side by side if their middles are nearer than this share of the lower one's height; vertical ones, which
# begin at the same height and end at different ones, if they share that much of it.
SAME_ROW = 0.5

# Eyes, wheels and balls are read as these.
CIRCLES = frozenset("0oOQ8")


@dataclass(frozen=True, eq=False)
class TextLine:
    """A line of text, and where it is.

    Attributes
    ----------
    text : str
    certainty : float
        Of the reader, in [0, 1]: 1 = sure.
    corners : ndarray of shape (4, 2), float32
        x and y in pixels: top left, top right, bottom right, bottom left.
    """

    text: str
    certainty: float
    corners: FloatArray

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the box in pixels, as it lies."""
        top_left, top_right, bottom_right, bottom_left = self.corners
        width = np.linalg.norm(top_right - top_left) + np.linalg.norm(bottom_right - bottom_left)
        height = np.linalg.norm(bottom_left - top_left) + np.linalg.norm(bottom_right - top_right)
        return float(width) / 2, float(height) / 2

    @property
    def letter_height(self) -> float:
        """How high its letters are, in pixels; vertical lines are as wide as their letters."""
        return min(self.size)

    @property
    def is_vertical(self) -> bool:
        """Whether its letters stand below one another."""
        width, height = self.size
        return height >= 1.5 * width

    @property
    def letters(self) -> str:
        """Its letters, digits and ideographs, without what stands between them."""
        return "".join(filter(str.isalnum, self.text))

    @property
    def weight(self) -> int:
        """How much it says: letters and digits, an ideograph counted twice."""
        return weight_of(self.text)


def weight_of(text: str) -> int:
    """Tell how much a text says: letters and digits, an ideograph counted twice."""
    return sum(2 if is_ideograph(letter) else 1 for letter in text if letter.isalnum())


def in_reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Put lines into the order in which people read them.

    Parameters
    ----------
    lines : sequence of TextLine

    Returns
    -------
    list of TextLine
        From top to bottom; those side by side from left to right, vertical ones from right to left.
    """
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: (middle(line)[1], middle(line)[0])):
        if rows and side_by_side(rows[-1][-1], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    ordered = []
    for row in rows:
        rightmost_first = all(line.is_vertical for line in row)
        ordered += sorted(row, key=lambda line: middle(line)[0], reverse=rightmost_first)
    return ordered


def middle(line: TextLine) -> tuple[float, float]:
    x, y = line.corners.mean(axis=0).tolist()
    return x, y


def side_by_side(upper: TextLine, lower: TextLine) -> bool:
    if upper.is_vertical != lower.is_vertical:
        return False
    (top, bottom), (other_top, other_bottom) = extent(upper), extent(lower)
    least = SAME_ROW * min(bottom - top, other_bottom - other_top)
    if upper.is_vertical:
        return min(bottom, other_bottom) - max(top, other_top) >= least
    return middle(lower)[1] - middle(upper)[1] < least


def extent(line: TextLine) -> tuple[float, float]:
    """Return where a line begins and ends, from top to bottom."""
    return float(line.corners[:, 1].min()), float(line.corners[:, 1].max())


def caption_lines(lines: Sequence[TextLine], picture_height: int) -> list[TextLine]:
    """Leave out what is written in a picture, but is not what it says: site names, signs, shapes taken for letters.

    Left out are lines that were read with little certainty, or with less than the surest one, single letters and
    circles that stand alone or are too high for letters, and pairs of letters that fill the picture. Of the others, the
    line that takes most room is part of the caption, and lines that are lower than it are left out, such as the name of
    a site; beside a caption in ideographs, a line in Latin letters needs to be only a little lower. But where most of
    what a picture says is in low lines, as below the heading of a page, they stay.

    Parameters
    ----------
    lines : sequence of TextLine
    picture_height : int
        In pixels, like the corners of the lines.

    Returns
    -------
    list of TextLine
        Those that stay, in the order in which they came.
    """
    surest = max((line.certainty for line in lines), default=0.0)
    sure = [line for line in lines if line.certainty >= max(LEAST_CERTAINTY_OF_ALL, LEAST_CERTAINTY * surest)]
    words = [line for line in sure if is_word(line, picture_height)]
    if not words:
        return [line for line in sure if is_short_word(line, picture_height)]
    caption = max(words, key=lambda line: (line.weight * line.letter_height, line.text))
    beside = LARGEST_LETTER_BESIDE * caption.letter_height
    said = [line for line in sure if line in words or (len(line.letters) == 1 and line.letter_height <= beside)]
    high = [line for line in said if line.letter_height >= least_height(line, caption)]
    n_high, n_said = (sum(line.weight for line in some) for some in (high, said))
    return high if 2 * n_high >= n_said else said


def is_word(line: TextLine, picture_height: int) -> bool:
    """Tell whether a line is more than a shape that looks like a letter or two."""
    if len(line.letters) < 2 or set(line.letters) <= CIRCLES:
        return False
    if len(line.letters) == 2 and line.letter_height > LARGEST_PAIR * picture_height:
        return False
    return line.weight > 2 or line.certainty >= LEAST_CERTAINTY_OF_SHORT


def is_short_word(line: TextLine, picture_height: int) -> bool:
    """Tell whether a line is a single word of Chinese, and no shape that fills the picture."""
    single = len(line.letters) == 1 and has_ideographs(line)
    return (
        single and line.certainty >= LEAST_CERTAINTY_OF_SHORT and line.letter_height <= LARGEST_LETTER * picture_height
    )


def least_height(line: TextLine, caption: TextLine) -> float:
    other_script = has_ideographs(caption) and not has_ideographs(line)
    return (LEAST_HEIGHT_OF_LATIN if other_script else LEAST_HEIGHT) * caption.letter_height


def has_ideographs(line: TextLine) -> bool:
    return any(map(is_ideograph, line.text))


def united(frames: Sequence[str]) -> str:
    r"""Unite what the frames of an animation say: each line once, in the order in which they appear.

    Parameters
    ----------
    frames : sequence of str
        The texts of the frames, in their order.

    Returns
    -------
    str
        Of lines that are nearly the same, the first; of a line that grows, the whole.

    Examples
    --------
    >>> united(["one moment", "one moment please", "thanks", "one moment p1ease"])
    'one moment please\nthanks'
    >>> united(["two two\ntwo two"])
    'two two\ntwo two'
    """
    found: list[str] = []
    for text in frames:
        n_before = len(found)
        for line in filter(None, text.splitlines()):
            known = next((i for i in range(n_before) if same_line(found[i], line)), None)
            if known is None:
                found.append(line)
            elif letters(line).startswith(letters(found[known])):
                found[known] = line
    return "\n".join(found)


def same_line(one: str, other: str) -> bool:
    """Tell whether two frames show the same line, one of them perhaps in part or misread."""
    short, long = sorted((letters(one), letters(other)), key=len)
    if not short:
        return one == other
    return long.startswith(short) or SequenceMatcher(None, short, long, autojunk=False).ratio() >= SAME_LINE


def letters(text: str) -> str:
    """Return letters, digits and ideographs alone, upper and lower case alike."""
    return "".join(filter(str.isalnum, text)).casefold()
