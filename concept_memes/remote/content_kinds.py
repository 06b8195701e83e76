"""What came: a picture, a web page, an archive, a list? Told by the first bytes, because names and headers lie."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from concept_memes.image_formats import image_format

__all__ = ["N_FIRST_BYTES", "ContentKind", "content_kind", "no_picture", "picture_is_whole"]

ContentKind: TypeAlias = Literal["picture", "page", "archive", "list", "other"]

#: Number of bytes that `content_kind` wants to see: tar has its mark at byte 257.
N_FIRST_BYTES = 512

# What a page may begin with, after a byte order mark, white space, comments and the declaration of XML. What was passed
# is not tried in other ways (`?>`, `*+`): two comments could be one as well, and many of them have billions of ways.
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?(?>\s|<!--.*?-->|<\?xml.*?\?>)*+"
    rb"<(?:!doctype\s+html|html|head|body|title|meta|script|style|link|div|p|h1|table|iframe)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_DRAWING = re.compile(rb"(?:\xef\xbb\xbf)?(?>\s|<!--.*?-->|<\?xml.*?\?>|<!doctype\s+svg[^>]*>)*+<svg[\s>]", re.I | re.S)
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
_PARQUET = b"PAR1"
# The end of a file may be followed by what cameras and editors add; a file that was cut off has it nowhere near.
_TAIL = 65_536


def content_kind(first_bytes: bytes, content_type: str = "") -> ContentKind:
    """Tell what a content is.

    Parameters
    ----------
    first_bytes : bytes
        The first 512 bytes, or all of a shorter content.
    content_type : str, default=""
        What the server says that it is. It counts for texts only, where the bytes leave it open.

    Returns
    -------
    str
        "picture", "page" (HTML), "archive" (zip, tar, or compressed), "list" (text, CSV, Parquet), or "other".

    Examples
    --------
    >>> content_kind(b"GIF89a...", "text/html")
    'picture'
    >>> content_kind(b"<!DOCTYPE html><title>404</title>", "image/jpeg")
    'page'
    """
    if image_format(first_bytes) is not None:
        return "picture"
    if first_bytes.startswith(_ARCHIVES) or first_bytes[257:262] == b"ustar":
        return "archive"
    if first_bytes.startswith(_PARQUET):
        return "list"
    said = content_type.partition(";")[0].strip().lower()
    if _PAGE.match(first_bytes.replace(b"\0", b"")):  # UTF-16 has a null character beside each of these letters
        return "page"
    if _DRAWING.match(first_bytes) or b"\0" in first_bytes or not first_bytes.strip():
        return "other"
    if said in ("text/html", "application/xhtml+xml"):
        return "page"
    is_text = said.startswith("text/") or said in ("", "application/octet-stream", "application/csv")
    return "list" if is_text else "other"


def no_picture(first_bytes: bytes, content_type: str = "") -> str | None:
    """Say why a content is no picture, in words for people; None for a picture.

    Parameters
    ----------
    first_bytes : bytes
        The first 512 bytes, or all of a shorter content.
    content_type : str, default=""
        What the server says that it is.

    Returns
    -------
    str or None

    Examples
    --------
    >>> no_picture(b"<html><body>Please log in</body></html>", "image/jpeg")
    'a web page came, not a picture'
    >>> no_picture(b"")
    'an empty file came'
    """
    if not first_bytes:
        return "an empty file came"
    kind = content_kind(first_bytes, content_type)
    if kind == "picture":
        return None
    if _DRAWING.match(first_bytes):
        return "an SVG drawing came, which cannot be read"
    came = {"page": "a web page", "archive": "an archive", "list": "a text"}.get(kind, "something else")
    said = content_type.partition(";")[0].strip().lower()
    if kind == "other" and re.fullmatch(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}", said) and not said.startswith("image/"):
        came = f"something else ({said})"
    return f"{came} came, not a picture"


def picture_is_whole(content: bytes) -> bool:
    """Tell whether a picture has its end, as far as its format says where that is.

    A server that tells no length ends a picture by hanging up, and so does one that broke down in the middle.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
        True too where the format has no mark of its end.

    Examples
    --------
    >>> picture_is_whole(b"GIF89a....;"), picture_is_whole(b"GIF89a....")
    (True, False)
    """
    kind, tail = image_format(content[:N_FIRST_BYTES]), content[-_TAIL:]
    if kind == "JPEG":
        return b"\xff\xd9" in tail
    if kind == "PNG":
        return b"IEND" in tail
    if kind == "GIF":
        return tail.rstrip(b"\0").endswith(b";")
    if kind == "WEBP":
        return len(content) >= int.from_bytes(content[4:8], "little") + 8
    return True
