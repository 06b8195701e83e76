"""The half of the estimator that shows: figures, and the explorer as one HTML file. It delegates; it draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.comparing import ComparedConcepts
from concept_memes.concepts import ConceptHit, ConceptSet
from concept_memes.errors import MissingExtraError, ModelNotFoundError, NoTextEncoderError
from concept_memes.fused_search import copies_of, find_looked_for, find_looked_for_concepts
from concept_memes.protocols import FloatArray
from concept_memes.queries import AnyQuery, Query
from concept_memes.run_report import RunReport

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ShownConcepts"]

Theme = Literal["light", "dark"]


class ShownConcepts(ComparedConcepts):
    """What a fitted or loaded :class:`~concept_memes.ConceptModel` draws.

    Figures are returned, and pyplot does not know them: notebooks show them, elsewhere ``figure.savefig("name.png")``.
    """

    report_: RunReport

    @property
    def positions_(self) -> FloatArray:
        """Places of the images on the map, shape (n_images, 2), in [0, 1]; NaN for images that could not be read.

        Made on first use, and saved with the model from then on.
        """
        positions = self._with_positions().positions
        assert positions is not None
        return positions

    def visualize_concepts(
        self,
        top_n: int | Sequence[int] | Sequence[ConceptHit] = 9,
        concepts: Sequence[int] | Sequence[ConceptHit] | None = None,
        figsize: tuple[float, float] | None = None,
        *,
        mode: Literal["exemplars", "members"] = "exemplars",
        image_size: int = 224,
        theme: Theme = "light",
        page: int | None = None,
    ) -> Figure:
        """Draw concepts as cards: their pictures, words and sizes.

        Parameters
        ----------
        top_n : int, default=9
            The largest concepts, if `concepts` is None. Concepts may stand in its place:
            ``visualize_concepts(model.find_concepts("panda"))``.
        concepts : sequence of int or of ConceptHit, optional
            Which ones, in this order; what `find_concepts` gives is taken as it is.
        figsize : (float, float), optional
            Width and height in inches; by default the figure grows with the concepts.
        mode : {"exemplars", "members"}, default="exemplars"
            The pictures that stand for a concept, or its members, evenly from the surest to the least sure.
        image_size : int, default=224
            Side of a tile in pixels.
        theme : {"light", "dark"}, default="light"
        page : int, optional
            Of very many concepts this page only, from 1 on; :func:`concept_memes.figures.collage.count_pages` counts
            them.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from concept_memes.figures.collage import draw_collage

        if isinstance(top_n, Sequence) and not isinstance(top_n, str) and concepts is None:
            concepts, top_n = top_n, 9
        return draw_collage(
            self._fitted(),
            concepts,
            top_n=top_n,  # type: ignore[arg-type]  # checked there
            figsize=figsize,
            mode=mode,
            image_size=image_size,
            theme=theme,
            page=page,
        )

    def visualize_map(
        self, *, title: str | None = None, figsize: tuple[float, float] | None = None, theme: Theme = "light"
    ) -> Figure:
        """Draw the collection as a labelled map: a point per picture, near ones near; needs the extra "map".

        Parameters
        ----------
        title : str, optional
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingExtraError
            Without ``pip install "concept-memes[map]"``.
        """
        from concept_memes.figures.map import draw_map

        fitted = self._with_positions()
        with self._progress().stage("drawing the map"):
            return draw_map(fitted, title=title, figsize=figsize, theme=theme)

    def visualize_hierarchy(self, *, figsize: tuple[float, float] | None = None, theme: Theme = "light") -> Figure:
        """Draw the tree of concepts, with words at the nodes and a picture per concept.

        Parameters
        ----------
        figsize : (float, float), optional
            Width and height in inches; by default the figure grows with the concepts.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure
        """
        from concept_memes.figures.tree import draw_hierarchy

        return draw_hierarchy(self._fitted(), self.hierarchy_, figsize=figsize, theme=theme)

    def visualize_frequencies(
        self, top_n: int = 30, *, figsize: tuple[float, float] | None = None, theme: Theme = "light"
    ) -> Figure:
        """Draw how many pictures each concept has.

        Parameters
        ----------
        top_n : int, default=30
            The largest concepts; the rest is one bar, and so is what is in none.
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure
        """
        from concept_memes.figures.frequencies import draw_frequencies

        return draw_frequencies(self._fitted(), top_n=top_n, figsize=figsize, theme=theme)

    def visualize_query(
        self,
        query: AnyQuery,
        top_n: int = 12,
        *,
        text: bool | None = None,
        text_weight: float | None = None,
        duplicates: Literal["collapse", "keep"] | None = None,
        figsize: tuple[float, float] | None = None,
        theme: Theme = "light",
    ) -> Figure:
        """Draw what a query finds: the best pictures with their scores, beside the concepts that they are in.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query
            As for `find_images`.
        top_n : int, default=12
            Pictures at most.
        text : bool, optional
            As for `find_images`: True for what says it, False for what looks like it.
        text_weight : float, optional
            As for `find_images`.
        duplicates : {"collapse", "keep"}, optional
            As for `find_images`: by default a picture is drawn once, if the model was fitted so.
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure
        """
        fitted, once = self._searched(duplicates)
        wanted = self._looked_for(query, text, text_weight)
        pictures = find_looked_for(fitted, wanted, top_n=top_n, once=once)
        if wanted.by_looks_alone:  # those that expansion found, in the order of what is shown
            pictures.sort(key=lambda hit: -hit.similarity)
        from concept_memes.figures.query import draw_query

        return draw_query(
            fitted,
            Query(query),
            pictures,
            find_looked_for_concepts(fitted, wanted, top_n=5),
            n_hidden=len(copies_of(fitted, pictures)) if once else 0,
            figsize=figsize,
            theme=theme,
        )

    def visualize_attention(
        self,
        image: str | Path | Image.Image | npt.NDArray[np.uint8],
        text: str,
        *,
        figsize: tuple[float, float] | None = None,
        theme: Theme = "light",
    ) -> Figure:
        """Draw which parts of a picture carry a text.

        Parameters
        ----------
        image : str, Path, PIL.Image.Image or ndarray of shape (height, width, 3), uint8
            The picture.
        text : str
            What to look for in it.
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        EncoderError
            If the encoder cannot tell; those of this package can.
        """
        from concept_memes.figures.attention import draw_attention

        return draw_attention(self._encoder(), image, text, figsize=figsize, theme=theme)

    def visualize_features(
        self,
        image: str | Path | Image.Image | npt.NDArray[np.uint8],
        layer: str | int | None = None,
        *,
        n_channels: int = 16,
        figsize: tuple[float, float] | None = None,
        theme: Theme = "light",
    ) -> Figure:
        """Draw what a layer of the network responds to in a picture.

        Parameters
        ----------
        image : str, Path, PIL.Image.Image or ndarray of shape (height, width, 3), uint8
            The picture.
        layer : str or int, optional
            Name of a layer, or its place among them, negative from the end; by default the one in the middle.
        n_channels : int, default=16
            The channels that respond most.
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure
        """
        from concept_memes.figures.features import draw_features

        return draw_features(self._encoder(), image, layer, n_channels=n_channels, figsize=figsize, theme=theme)

    def save_report(
        self,
        path: str | Path,
        *,
        title: str | None = None,
        thumbnails: Literal["auto", "embed", "folder"] = "auto",
        thumbnail_size: int = 160,
        pictures: Literal["link", "embed", "none"] = "link",
    ) -> Path:
        """Write the explorer: one HTML file that opens from disk, with no network and nothing to install.

        Parameters
        ----------
        path : str or Path
            Where to; it ends in ".html". A report that was written before is replaced, any other file is not.
        title : str, optional
            By default the name of the folder of the pictures.
        thumbnails : {"auto", "embed", "folder"}, default="auto"
            "embed": inside the file. "folder": beside it, in ``concepts_files/``. "auto": inside up to 25,000 pictures.
        thumbnail_size : int, default=160
            Longest side of a thumbnail in pixels, from 32 to 640.
        pictures : {"link", "embed", "none"}, default="link"
            What a click shows large. "link": the picture where it lies, by a relative path if that can be. "embed":
            a copy of at most 1,280 pixels in the report. "none": the thumbnail.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidParameterError
            If a parameter cannot be.
        OverwriteError
            If a file is there that is no report of this package.
        """
        concept_set = self._with_positions()
        try:
            words, vectors = self._word_vectors(concept_set)
        except (NoTextEncoderError, ModelNotFoundError, MissingExtraError):  # the page says what its search knows
            words, vectors = concept_set.words, concept_set.word_vectors
        from concept_memes.explorer import save_report

        return save_report(
            concept_set,
            path,
            report=self.report_,
            words=words,
            word_vectors=vectors,
            title=title,
            thumbnails=thumbnails,
            thumbnail_size=thumbnail_size,
            pictures=pictures,
            progress=self._progress(),
        )

    def to_dataframe(self, *, vectors: bool = False, positions: bool = False) -> pd.DataFrame:
        """Return one row per image.

        Parameters
        ----------
        vectors : bool, default=False
            A column "vector" too.
        positions : bool, default=False
            Make places on the map first, if there are none; with places there are columns "x" and "y".

        Returns
        -------
        DataFrame
            Columns "path" (absolute), "name", "concept", "title" and "words" of the concept, "probability",
            "exemplar_rank" (0 for the most typical, NA for no exemplar) and "reason" (why it was skipped), in the order
            of the images.
        """
        from concept_memes.export import images_table

        return images_table(self._with_positions() if positions else self._fitted(), vectors=vectors)

    def _with_positions(self) -> ConceptSet:
        """Return the fitted set with places on the map; make them on first use."""
        fitted = self._fitted()
        if fitted.positions is None:
            from concept_memes.projection import project

            made_for, encoder = getattr(self, "_encoder_in_use", (None, None))
            with self._progress().stage("making the map"):
                self.concepts_ = replace(fitted, positions=project(fitted))
            if made_for is fitted:
                self._encoder_in_use = (self.concepts_, encoder)
        return self.concepts_
