"""Figures: functions that take a :class:`~concept_memes.concepts.ConceptSet` and return what they drew.

Nobody here calls ``show()``, touches pyplot or changes rcParams. Import from the modules
(``from concept_memes.figures.collage import draw_collage``): this file imports none of them, so that nothing
loads matplotlib before a figure is asked for.
"""
