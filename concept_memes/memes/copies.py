"""Which pictures are copies of one another, and which are variants of the same template.

Contents are looked at once (`looks`). Pairs that may show the same come from neighbours by shape and by the encoder's
vectors (`candidates`), are laid over one another (`registration`) and compared window by window (`comparison`). What
shows the same is a template, and within a template only pictures that look alike once they lie on one another are
compared for being copies. In both, members were compared with the one that stands for them, so nothing chains.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from concept_memes.cache import VectorCache
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.memes import resaving
from concept_memes.memes.alignment import TEMPLATE_AGREEMENT, Aligner
from concept_memes.memes.candidates import candidate_pairs, coarse, descriptors
from concept_memes.memes.likeness import alike, changes
from concept_memes.memes.linking import Bools, Links, Pairs, led_groups, link
from concept_memes.memes.looks import FINGERPRINT, Look, flat_colours, is_even, look_at
from concept_memes.memes.registration import Warps, composed, grid, inverted, sampled
from concept_memes.memes.representatives import Grouping, LookBack, with_best_leaders
from concept_memes.memes.studying import Pictures, study
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["find_families"]

# What decides what is found, beside looks and vectors: to be changed with anything that compares them.
COMPARING = f"{FINGERPRINT} families-4"
# Pictures whose brightness varies by less may be flat: then there is nothing to lay on one another.
FLAT = 3.0
# Colours of flat pictures that are the same, in levels.
SAME_COLOUR = 3.0
# Correlation from which coarse pictures are registered, and those that lead templates.
LEAST_LIKENESS, LEAST_LIKENESS_OF_LEADERS = 0.45, 0.3
# How often leaders of templates look for others among themselves.
N_PASSES = 3
# As `COPY_LIMIT`, for pictures that are connected by copies: a framed one and a turned one are off by more.
LEADER_LIMIT = 3.0
# By how much more of a picture something shows that was cut out of it, if it could be cut out of several.
CLEARLY = 0.04


def find_families(
    pictures: Pictures, vectors: FloatArray, *, cache: VectorCache, progress: Progress
) -> PictureFamilies:
    """Find copies and variants.

    Parameters
    ----------
    pictures : Pictures
    vectors : ndarray of shape (n_images, n_dims), float32
        Of the encoder; rows of zeros for pictures that could not be read. They only say what to compare.
    cache : VectorCache
        Keeps what was seen of each content.
    progress : Progress

    Returns
    -------
    PictureFamilies
        It does not depend on the order of the pictures, but for which of several files with the same content stands
        for them: that is the first.
    """
    first: dict[str, int] = {}
    for index, image in enumerate(pictures.images):
        if image.content_hash:
            first.setdefault(image.content_hash, index)
    keys = sorted(first)
    notes = study(pictures, FINGERPRINT, look_at, cache=cache, progress=progress, what="looking for copies")
    seen = [key for key in keys if key in notes]
    own = vectors[[first[key] for key in seen]]
    files = Counter(image.content_hash for image in pictures.images)
    n_files = np.array([files[key] for key in seen], np.int64)
    contents = known_families(seen, own, n_files, cache)
    if contents is None:
        with progress.stage("comparing pictures"):

            def look_back(rows: Sequence[int]) -> dict[int, resaving.History]:
                """Tell how contents were saved."""
                found = study(
                    pictures,
                    resaving.FINGERPRINT,
                    resaving.look_back,
                    cache=cache,
                    progress=Progress(verbose=False),
                    what="looking for the originals",
                    rows=[first[seen[row]] for row in rows],
                )
                return {row: resaving.History.from_bytes(found[seen[row]]) for row in rows if seen[row] in found}

            looks = [Look.from_bytes(notes[key]) for key in seen]
            contents = families_of_contents(looks, own, n_files, look_back)
        cache.store_notes(COMPARING, {key_of(seen, own, n_files): contents.to_bytes()})
    stands_for = {key: (i, i, 0) for i, key in enumerate(keys)}  # what cannot be read any more stands for itself
    place = {key: i for i, key in enumerate(keys)}
    for key, *found in zip(seen, contents.copy_of, contents.template_of, contents.kinds, strict=True):
        copy_of, template_of, kind = (int(x) for x in found)
        stands_for[key] = (place[seen[copy_of]], place[seen[template_of]], kind)
    n = len(pictures.images)
    copies, kinds, templates = np.full(n, -1, np.int64), np.zeros(n, np.uint8), np.full(n, -1, np.int64)
    for index, image in enumerate(pictures.images):
        if key := image.content_hash:
            copy_of, template_of, kind = stands_for[key]
            copies[index], templates[index] = first[keys[copy_of]], first[keys[template_of]]
            exact = keys[copy_of] == key and index != first[key]
            kinds[index] = COPY_KINDS.index("exact") if exact else kind
    return PictureFamilies(copies, kinds, templates)


@dataclass(frozen=True)
class ContentFamilies:
    """Copies and templates of different contents; arrays of shape (n_contents,), int64."""

    copy_of: IntArray
    kinds: IntArray
    template_of: IntArray

    def to_bytes(self) -> bytes:
        """Return the note that is kept."""
        return np.stack([self.copy_of, self.kinds, self.template_of]).astype("<i8").tobytes()


def key_of(keys: Sequence[str], vectors: FloatArray, n_files: IntArray) -> str:
    """Name a set of contents, their vectors and how many files have each, as the cache names a content."""
    digest = hashlib.blake2b("".join(keys).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(vectors).tobytes())
    digest.update(n_files.astype("<i8").tobytes())
    return digest.hexdigest()


def known_families(
    keys: Sequence[str], vectors: FloatArray, n_files: IntArray, cache: VectorCache
) -> ContentFamilies | None:
    """Return what an earlier run has found among the same contents."""
    key = key_of(keys, vectors, n_files)
    note = cache.notes(COMPARING, [key]).get(key)
    if note is None or len(note) != 24 * len(keys):
        return None
    copy_of, kinds, template_of = np.frombuffer(note, "<i8").reshape(3, -1).astype(np.int64)
    return ContentFamilies(copy_of, kinds, template_of)


def families_of_contents(
    looks: list[Look], vectors: FloatArray, n_files: IntArray | None = None, look_back: LookBack | None = None
) -> ContentFamilies:
    """Find copies and templates among different contents.

    Parameters
    ----------
    looks : list of Look
        In an order that follows from the contents alone.
    vectors : ndarray of shape (n_contents, n_dims), float32
    n_files : ndarray of shape (n_contents,), int64, optional
        How many files have each content; one if not given. What most files show stands for the others.
    look_back : callable, optional
        Tells how contents were saved; see `with_best_leaders`.

    Returns
    -------
    ContentFamilies
    """
    if n_files is None:
        n_files = np.ones(len(looks), np.int64)
    with threadpool_limits(limits=1):  # products of several threads differ in their last bits
        return compared_contents(looks, vectors, n_files, look_back)


def compared_contents(
    looks: list[Look], vectors: FloatArray, n_files: IntArray, look_back: LookBack | None
) -> ContentFamilies:
    """Do what `families_of_contents` does, in as many threads as products are allowed."""
    n = len(looks)
    copy_of, template_of = np.arange(n), np.arange(n)
    kinds = np.zeros(n, np.int64)
    if n < 2:
        return ContentFamilies(copy_of, kinds, template_of)
    rank = quality_rank(looks)
    aligner = Aligner(looks)
    flat = aligner.thumbs.reshape(n, -1).std(axis=1, dtype=np.float64) < FLAT
    flat &= np.array([len(look.frames) == 1 for look in looks])
    flat[flat] = [is_even(looks[i]) for i in np.flatnonzero(flat)]
    alone = np.flatnonzero(flat)
    copy_of[alone] = alone[same_colours(flat_colours([looks[i] for i in alone]), rank[alone])]
    template_of[alone] = copy_of[alone]
    kinds[alone] = np.where(copy_of[alone] == alone, 0, COPY_KINDS.index("near"))
    rows = np.flatnonzero(~flat)
    if len(rows) > 1:
        ranks = np.argsort(np.argsort(rank[rows]))

        def of_rows(some: Sequence[int]) -> dict[int, resaving.History]:
            nth = {int(rows[i]): i for i in some}
            return {nth[row]: history for row, history in look_back(list(nth)).items()} if look_back else {}

        found = Finder(Aligner([looks[i] for i in rows]), vectors[rows], ranks, n_files[rows]).find(of_rows)
        copy_of[rows], template_of[rows], kinds[rows] = rows[found.copy_of], rows[found.template_of], found.kinds
    return ContentFamilies(copy_of, kinds, template_of)


def quality_rank(looks: list[Look]) -> IntArray:
    """Rank pictures by how well they stand for their copies: most pixels, then the largest file, then in order."""
    order = sorted(range(len(looks)), key=lambda i: (-looks[i].size[0] * looks[i].size[1], -looks[i].n_bytes, i))
    rank = np.empty(len(looks), np.int64)
    rank[order] = np.arange(len(looks))
    return rank


def same_colours(colours: FloatArray, rank: IntArray) -> IntArray:
    """Return for each colour the one of lowest rank that it is the same as, and that stands for itself."""
    stands_for = np.arange(len(colours))
    leaders: list[int] = []
    for i in np.argsort(rank, kind="stable").tolist():
        if leaders:
            off = np.abs(colours[leaders] - colours[i]).max(axis=1)
            nearest = int(off.argmin())
            if off[nearest] <= SAME_COLOUR:
                stands_for[i] = leaders[nearest]
                continue
        leaders.append(i)
    return stands_for


class Finder:
    """Finds templates, and copies within them, among pictures that are not flat."""

    def __init__(self, aligner: Aligner, vectors: FloatArray, rank: IntArray, n_files: IntArray) -> None:
        self.aligner, self.vectors, self.rank, self.n_files = aligner, vectors, rank, n_files
        self.n = len(rank)
        self.tried = np.empty(0, np.int64)

    def find(self, look_back: LookBack) -> ContentFamilies:
        """Return copies and templates; see `with_best_leaders` for what is asked."""
        templates, ways = self.templates()
        links, cuts = self.copy_links(templates, ways)
        degree = np.bincount(links.pairs.ravel(), minlength=self.n)
        hubs = np.empty(self.n, np.int64)
        hubs[np.lexsort((self.rank, -degree))] = np.arange(self.n)
        leaders, warps = led_groups(self.n, links, hubs, self._copies_of_leader)
        groups = self.with_cuts(Grouping(leaders, warps), cuts, ways)
        copy_of, kinds = with_best_leaders(groups, self.aligner.looks, self.n_files, look_back)
        # A copy is in the template of the one that stands for it, which stands for the template if it is its best one.
        group = templates[copy_of]
        best = np.full(self.n, self.n)
        np.minimum.at(best, group, self.rank[copy_of])
        by_rank = np.argsort(self.rank)
        return ContentFamilies(copy_of, kinds, copy_of[by_rank[best[group]]])

    def with_cuts(self, whole: Grouping, cuts: Cuts, ways: Warps) -> Grouping:
        """Put pictures that were cut out of others to these, where that can be one group only.

        What is left of a picture without its caption may be of several variants, or of the picture without a caption.
        The one that it shows most of is it, if that is clear.

        Parameters
        ----------
        whole : Grouping
            Of pictures that are the same to their edges.
        cuts : Cuts
        ways : Warps
            From the leaders of templates.
        """
        leaders, warps = whole.leaders.copy(), Warps(whole.warps.places.copy(), whole.warps.tones.copy())
        shown_of: dict[int, dict[int, float]] = {}
        for (cut, source), share in zip(leaders[cuts.pairs].tolist(), cuts.shares.tolist(), strict=True):
            if cut != source:
                shown = shown_of.setdefault(cut, {})
                shown[source] = max(shown.get(source, 0.0), share)
        # What shows most of the plane comes first: what was cut out of that again is then compared by what is left of
        # the whole.
        areas = 1 / np.abs(np.linalg.det(ways.places[:, :, :2].astype(np.float64)))
        left_of: dict[int, float] = {}
        for cut in sorted(shown_of, key=lambda cut: (-round(float(areas[cut]), 4), self.rank[cut])):
            shares: dict[int, float] = {}
            for source, share in shown_of[cut].items():
                goal = int(leaders[source])
                shares[goal] = max(share * left_of.get(source, 1.0), shares.get(goal, 0.0))
            shares.pop(cut, None)
            goal = max(shares, key=lambda source: (shares[source], -self.rank[source]), default=cut)
            rivals = [share for source, share in shares.items() if source != goal]
            if goal == cut or max(rivals, default=0.0) > shares[goal] - CLEARLY:
                continue
            pair = np.array([[goal, cut]])
            found, way = self.aligner.compare(pair, composed(inverted(ways[pair[:, 0]]), ways[pair[:, 1]]), n_steps=2)
            if found.same(LEADER_LIMIT)[0] and not found.more_second[0]:
                members = np.flatnonzero(leaders == cut)
                moved = composed(way[np.zeros(len(members), np.int64)], warps[members])
                leaders[members], left_of[cut] = goal, shares[goal]
                warps.places[members], warps.tones[members] = moved.places, moved.tones
        return Grouping(leaders, warps)

    def templates(self) -> tuple[IntArray, Warps]:
        """Return for each picture the leader of its template, and where places of the leader are in it.

        Neighbours of a picture may all be copies of it. So leaders look for neighbours once more among themselves.
        """
        leaders, ways = self._led_templates(np.arange(self.n), LEAST_LIKENESS)
        for _ in range(N_PASSES - 1):
            tops = np.flatnonzero(leaders == np.arange(self.n))
            if len(tops) < 2:
                break
            above, to_top = self._led_templates(tops, LEAST_LIKENESS_OF_LEADERS)
            nth = np.empty(self.n, np.int64)
            nth[tops] = np.arange(len(tops))
            own = nth[leaders]
            leaders, ways = tops[above[own]], composed(to_top[own], ways)
        return leaders, ways

    def _led_templates(self, rows: IntArray, least: float) -> tuple[IntArray, Warps]:
        """Find templates among some pictures; leaders are numbers of rows."""
        spaces = [descriptors(coarse(self.aligner.thumbs[rows]))]
        if self.aligner.has_border[rows].any():
            spaces.append(descriptors(coarse(self.aligner.wholes[rows])))
        if self.vectors.shape[1]:
            spaces.append(np.ascontiguousarray(self.vectors[rows], np.float32))
        pairs = candidate_pairs(spaces)
        likeness = self.aligner.likeness(rows[pairs])
        tried_before = self.tried_before(rows[pairs])
        likely = (likeness.max(axis=1) > least) & ~tried_before
        pairs, likeness = pairs[likely], likeness[likely]
        tried = rows[pairs]

        def check(which: IntArray) -> tuple[Bools, Warps]:
            self.tried = np.concatenate([self.tried, self.pair_keys(tried[which])])
            fitting, warps = self.aligner.align_coarsely(tried[which], likeness[which])
            fits = np.flatnonzero(fitting)
            holds, better = self._same_template(tried[which[fits]], warps[fits])
            warps.places[fits], warps.tones[fits] = better.places, better.tones
            fitting[fits] = holds
            return fitting, warps

        links = link(len(rows), pairs, likeness.max(axis=1), check)
        degree = np.bincount(links.pairs.ravel(), minlength=len(rows))
        order = np.lexsort((self.rank[rows], -degree))
        rank = np.empty(len(rows), np.int64)
        rank[order] = np.arange(len(rows))
        return led_groups(len(rows), links, rank, lambda two, warps: self._same_template(rows[two], warps))

    def pair_keys(self, pairs: Pairs) -> IntArray:
        """Return one number per pair."""
        return pairs[:, 0] * self.n + pairs[:, 1]

    def tried_before(self, pairs: Pairs) -> Bools:
        """Find pairs that were compared in an earlier pass."""
        return np.isin(self.pair_keys(pairs), self.tried)

    def copy_links(self, templates: IntArray, ways: Warps) -> tuple[Links, Cuts]:
        """Return copies that were found within templates, and which pictures were cut out of which."""
        pairs, likeness = self.alike_in_templates(templates, ways)
        cuts: list[Pairs] = [np.empty((0, 2), np.int64)]
        shares: list[FloatArray] = [np.empty(0, np.float32)]

        def check(rows: IntArray) -> tuple[Bools, Warps]:
            tried = pairs[rows]
            between = composed(inverted(ways[tried[:, 0]]), ways[tried[:, 1]])
            found, better = self.aligner.compare(tried, between, n_steps=2)
            cuts.append(np.where(found.more_first[:, None], tried[:, ::-1], tried)[found.cuts])
            shares.append(np.where(found.more_first, found.overlap_first, found.overlap_second)[found.cuts])
            return found.copies(), better

        links = link(self.n, pairs, likeness, check)
        return links, Cuts(np.concatenate(cuts), np.concatenate(shares))

    def alike_in_templates(self, templates: IntArray, ways: Warps) -> tuple[Pairs, npt.NDArray[np.floating]]:
        """Return pairs that look alike when they lie on the leader of their template, and how much."""
        pairs: list[Pairs] = [np.empty((0, 2), np.int64)]
        likeness: list[npt.NDArray[np.floating]] = [np.empty(0)]
        order = np.argsort(templates, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(templates[order])) + 1):
            if len(members) > 1:
                laid, inside = self.laid_on_leader(members, ways)
                found = alike(laid, inside)
                pairs.append(members[found])
                likeness.append(-changes(laid, inside, found))
        return np.concatenate(pairs), np.concatenate(likeness)

    def laid_on_leader(self, members: IntArray, ways: Warps) -> tuple[FloatArray, Bools]:
        """Return thumbs as they lie on the leader, of shape (n_members, n_places), and where they have something."""
        thumbs = self.aligner.thumbs[members].astype(np.float32)
        ways = composed(ways[members], inverted(self.aligner.inner[members]))
        there = sampled(thumbs, np.arange(len(members)), ways.places, grid(thumbs.shape[1]))
        tones = ways.tones
        return tones[:, :1] * there.values + tones[:, 1:], there.inside

    def _same_template(self, pairs: Pairs, warps: Warps) -> tuple[Bools, Warps]:
        agreement, better = self.aligner.agreement(pairs, warps)
        return agreement > TEMPLATE_AGREEMENT, better

    def _copies_of_leader(self, pairs: Pairs, warps: Warps) -> tuple[Bools, Warps]:
        found, better = self.aligner.compare(pairs, warps, n_steps=2)
        return found.copies(LEADER_LIMIT), better


@dataclass(frozen=True)
class Cuts:
    """Pictures that were cut out of others.

    Attributes
    ----------
    pairs : ndarray of shape (n, 2), int64
        What was cut, and out of which picture.
    shares : ndarray of shape (n,), float32
        How much of that is left.
    """

    pairs: Pairs
    shares: FloatArray
