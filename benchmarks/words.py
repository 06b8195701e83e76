"""Compare ways to choose words for concepts and for single pictures, on pictures whose truth is known.

    python benchmarks/words.py --data FOLDER --names NAMES.tsv [--out RESULT.json] [--labels TABLE.md]

FOLDER holds one sub-folder of pictures per class. NAMES.tsv (class, tab, words that count as naming it) says which
words are right; other classes count by the folder's name. All candidates rank the same words, those of the list in the
package, with the vectors of the hub-free model. "truth" takes the classes themselves as concepts; "fits" are the
concepts that `ConceptModel` finds with five random states. Intervals are 95 % of a bootstrap over concepts (labels) or
pictures (tags).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.centring import centre_vectors, unit
from concept_memes.concepts import ConceptSet
from concept_memes.labels import directions, rank_words_of_groups
from concept_memes.run_report import package_versions
from concept_memes.tags import tag_vectors
from concept_memes.vocabulary import default_nouns
from concept_memes.word_evidence import group_directions, nearness, word_scores
from concept_memes.word_families import heads_of_compounds, word_families

ROOT = Path(__file__).parent.parent
STATES = (0, 1, 2, 3, 42)
Groups = Sequence[np.ndarray]
Names = dict[str, set[str]]  # class -> the words that name it
Partitions = Sequence[tuple[ConceptSet, Groups]]
Scorer = Callable[[ConceptSet, Groups, np.ndarray], np.ndarray]  # set, groups, words -> (n_groups, n_words)


# --- Candidates for labels --------------------------------------------------------------------------------------------


def plain(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    return group_directions(fitted, groups) @ words.T


def half_centred(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    return directions(group_directions(fitted, groups), fitted.centre, fitted.blocks) @ words.T


def centred(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    return centre_vectors(group_directions(fitted, groups), fitted.centre, fitted.blocks) @ words.T


def mean_of_best(similarities: np.ndarray, k: int) -> np.ndarray:
    return np.sort(similarities, axis=0)[-k:].mean(axis=0)


def csls_pictures(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    """Minus the mean similarity to the 40 nearest pictures (10 lose more: they are the concept's own)."""
    return half_centred(fitted, groups, words) - mean_of_best(fitted.vectors @ words.T, 40)


def csls_words(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    """Minus the mean similarity to the 10 nearest other words."""
    scale = np.linalg.norm(group_directions(fitted, groups)[:, slice(*fitted.blocks[-1])], axis=1).mean()
    return half_centred(fitted, groups, words) - scale * mean_of_best(words @ words.T - 9 * np.eye(len(words)), 10)


def minus_best_sibling(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    scores = half_centred(fitted, groups, words)
    others = np.stack([np.delete(scores, row, axis=0).max(axis=0) for row in range(len(scores))])
    return scores - 0.75 * others


def softmax_over_concepts(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    scores = half_centred(fitted, groups, words) / half_centred(fitted, groups, words).std(axis=1).mean()
    return 2 * scores - np.log(np.exp(scores).mean(axis=0))


def standard_score(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    """Half centring plus 0.1 x how far the members lie above the collection's mean similarity with the word."""
    similarities = fitted.vectors @ words.T
    scale = np.linalg.norm(group_directions(fitted, groups)[:, slice(*fitted.blocks[-1])], axis=1).mean()
    spread = np.stack([similarities[group].mean(axis=0) for group in groups]) - similarities.mean(axis=0)
    return half_centred(fitted, groups, words) / scale + 0.1 * spread / similarities.std(axis=0)


def votes(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    """Mean over the members of a softmax over the words."""
    similarities = unit(fitted.vectors[:, slice(*fitted.blocks[-1])]) @ words[:, slice(*fitted.blocks[-1])].T / 0.05
    shares = np.exp(similarities - similarities.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.stack([shares[group].mean(axis=0) for group in groups])


def finding(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    """How well a word finds the concept, alone."""
    aims = directions(group_directions(fitted, groups), fitted.centre, fitted.blocks)
    near = nearness(aims, words)
    return np.divide(word_scores(fitted, groups, aims, words), near, out=np.zeros_like(near), where=near > 0)


def near_and_finding(fitted: ConceptSet, groups: Groups, words: np.ndarray) -> np.ndarray:
    aims = directions(group_directions(fitted, groups), fitted.centre, fitted.blocks)
    return word_scores(fitted, groups, aims, words)


LABELERS: dict[str, Scorer] = {
    "plain nearest": plain,
    "half centring": half_centred,
    "full centring": centred,
    "CSLS over pictures": csls_pictures,
    "CSLS over words": csls_words,
    "minus best sibling": minus_best_sibling,
    "softmax over concepts": softmax_over_concepts,
    "plus standard score": standard_score,
    "votes of members": votes,
    "average precision": finding,
    "nearness x average precision": near_and_finding,
}


# --- Measuring --------------------------------------------------------------------------------------------------------


def right_places(ranked: Sequence[Sequence[str]], wanted: Sequence[set[str]]) -> np.ndarray:
    """First place of a right word per list, 99 where there is none."""
    return np.array(
        [next((i for i, w in enumerate(r) if w.lower() in names), 99) for r, names in zip(ranked, wanted, strict=True)]
    )


def interval(values: np.ndarray) -> list[float]:
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(2000, len(values)))].mean(axis=1)
    return [float(x) for x in np.quantile(means, (0.025, 0.975))]


def wanted_names(fitted: ConceptSet, groups: Groups, names: Names) -> list[set[str]]:
    truth = truth_of(fitted)
    return [names[Counter(truth[group].tolist()).most_common(1)[0][0]] for group in groups]


def truth_of(fitted: ConceptSet) -> np.ndarray:
    return np.array([Path(image.name).parts[0] for image in fitted.images])


def judged(partitions: Partitions, lists: Sequence[Sequence[Sequence[str]]], names: Names) -> dict:
    places = [right_places(r, wanted_names(*p, names)) for p, r in zip(partitions, lists, strict=True)]
    together = np.concatenate(places)
    uses = [Counter(word for own in ranked for word in own[:5]) for ranked in lists]
    return {
        "first": float(np.mean([(p < 1).mean() for p in places])),
        "first_interval": interval(together < 1),
        "within_5": float(np.mean([(p < 5).mean() for p in places])),
        "within_5_interval": interval(together < 5),
        "most_concepts_with_one_word": max(max(use.values(), default=0) for use in uses),
        "unlabelled": float(np.mean([not own for ranked in lists for own in ranked])),
    }


def label_figures(partitions: Partitions, words: Sequence[str], vectors: np.ndarray, names: Names) -> dict[str, dict]:
    heads = heads_of_compounds(words)
    figures = {}
    for name, scorer in LABELERS.items():
        plain_lists, family_lists = [], []
        for fitted, groups in partitions:
            orders = np.argsort(-scorer(fitted, groups, vectors), axis=1, kind="stable")[:, :200]
            ranked = [[words[i] for i in order] for order in orders]
            plain_lists.append([own[:10] for own in ranked])
            family_lists.append([[own[f.name] for f in word_families(own, heads)] for own in ranked])
        figures[name] = judged(partitions, plain_lists, names)
        figures[name + ", one word per family"] = judged(partitions, family_lists, names)
    final = [
        [[word.word for word in own] for own in rank_words_of_groups(fitted, groups, words, vectors)]
        for fitted, groups in partitions
    ]
    figures["as the package does it"] = judged(partitions, final, names)
    return figures


def confidence_figures(partitions: Partitions, words: Sequence[str], vectors: np.ndarray, names: Names) -> list[dict]:
    """How often words of a confidence are right."""
    pairs = []
    for fitted, groups in partitions:
        for own, right in zip(
            rank_words_of_groups(fitted, groups, words, vectors), wanted_names(fitted, groups, names), strict=True
        ):
            pairs += [(word.confidence, word.word.lower() in right) for word in own]
    found = np.array(pairs, float)
    edges = [0, 0.05, 0.25, 0.5, 0.75, 1.001]
    bands = [found[(found[:, 0] >= low) & (found[:, 0] < high)] for low, high in zip(edges, edges[1:], strict=False)]
    return [
        {"from": low, "to": min(high, 1), "words": len(band), "mean": band[:, 0].mean(), "right": band[:, 1].mean()}
        for low, high, band in zip(edges, edges[1:], bands, strict=False)
        if len(band)
    ]


def tag_figures(
    fits: Sequence[ConceptSet], words: Sequence[str], vectors: np.ndarray, names: Names, top_n: int = 3
) -> dict[str, dict]:
    truth = truth_of(fits[0])
    wanted = [names[c] for c in truth]

    def figures(lists: Sequence[Sequence[Sequence[str]]]) -> dict:
        hit = np.mean([right_places(own, wanted) < top_n for own in lists], axis=0)
        return {"right_at_3": float(hit.mean()), "interval": interval(hit)}

    def nearest(similarities: np.ndarray) -> list[list[str]]:
        return [[words[i] for i in row] for row in np.argsort(-similarities, axis=1, kind="stable")[:, :top_n]]

    fitted = fits[0]
    half = directions(fitted.vectors, fitted.centre, fitted.blocks)
    ours = [
        [[tag.word for tag in own] for own in tag_vectors(each, each.vectors, each.labels, words, vectors, top_n=top_n)]
        for each in fits
    ]
    nothing = np.full(len(truth), -1)
    without = [
        [t.word for t in own] for own in tag_vectors(fitted, fitted.vectors, nothing, words, vectors, top_n=top_n)
    ]
    return {
        "plain nearest noun": figures([nearest(fitted.vectors @ vectors.T)]),
        "half centring": figures([nearest(half @ vectors.T)]),
        "words of the concept": figures(
            [[list(each.concepts[label].words[:top_n]) if label >= 0 else [] for label in each.labels] for each in fits]
        ),
        "as the package does it, without concepts": figures([without]),
        "as the package does it": figures(ours),
    }


# --- Telling ----------------------------------------------------------------------------------------------------------


def table_of_labels(fitted: ConceptSet, names: Names, folder: str) -> str:
    truth = truth_of(fitted)
    lines = [
        f"# Labels of the concepts in `{folder}`",
        "",
        "Made by `benchmarks/words.py` with the hub-free model and default parameters. Words that name the majority",
        "class are in bold; numbers are confidences.",
        "",
        "| concept | pictures | mostly | words |",
        "|---|---|---|---|",
    ]
    for concept in fitted.concepts:
        name, count = Counter(truth[fitted.labels == concept.index].tolist()).most_common(1)[0]
        told = [
            f"{f'**{word}**' if word.lower() in names[name] else word} {sure:.2f}"
            for word, sure in zip(concept.words, concept.word_confidences, strict=True)
        ]
        lines.append(f"| {concept.index} | {concept.size} | {name} ({count}) | {', '.join(told) or '(none fits)'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one sub-folder per class")
    parser.add_argument("--names", type=Path, help="table of the words that name a class")
    parser.add_argument("--cache", type=Path, help="vectors of earlier runs")
    parser.add_argument("--out", type=Path, help="where the JSON goes; default: results/words-<folder>.json")
    parser.add_argument("--labels", type=Path, help="the table of labels; default: results/labels-<folder>.md")
    args = parser.parse_args()
    folder = args.data.resolve()
    names = {c.name: {c.name.replace("_", " ").lower()} for c in folder.iterdir() if c.is_dir()}
    names_file = args.names or folder.parent / "photo_names.tsv"
    for line in names_file.read_text(encoding="utf-8").splitlines():
        name, listed = line.split("\t")
        if name in names:
            names[name] = set(listed.lower().split(", "))

    models = [
        ConceptModel(embedding_model=HubFreeEncoder(), random_state=s, cache=args.cache).fit(folder) for s in STATES
    ]
    fits = [model.concepts_ for model in models]
    words = default_nouns()
    vectors = models[-1].embed_texts(words)
    truth = truth_of(fits[-1])
    classes = sorted(set(truth))
    labels = np.searchsorted(classes, truth)
    ideal = replace(fits[-1], labels=labels, raw_labels=labels)
    partitions = {
        "truth": [(ideal, [np.flatnonzero(labels == c) for c in range(len(classes))])],
        "fits": [(f, [np.flatnonzero(f.labels == c.index) for c in f.concepts]) for f in fits],
    }
    result: dict[str, object] = {"data": folder.name, "states": STATES, "words": len(words)}
    for name, parts in partitions.items():
        result[name] = figures = label_figures(parts, words, vectors, names)
        print(f"\n{name:46}   first (95 %)          within 5 (95 %)       most none")
        for candidate, f in figures.items():
            spans = ["{:.3f} ({:.2f}-{:.2f})".format(f[key], *f[f"{key}_interval"]) for key in ("first", "within_5")]
            print(f"{candidate:46}", *spans, f["most_concepts_with_one_word"], f"{f['unlabelled']:.2f}", sep="   ")
    result["confidence"] = confidence_figures(partitions["truth"] + partitions["fits"], words, vectors, names)
    for band in result["confidence"]:
        print({key: round(value, 3) for key, value in band.items()})
    result["tags"] = tag_figures(fits, words, vectors, names)
    for candidate, f in result["tags"].items():
        low, high = f["interval"]
        print(f"{candidate:46} right at 3: {f['right_at_3']:.3f} ({low:.3f}-{high:.3f})")
    result["versions"] = package_versions()
    results = ROOT / "benchmarks" / "results"
    out = args.out or results / f"words-{folder.name}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = args.labels or results / f"labels-{folder.name}.md"
    table.write_text(table_of_labels(fits[-1], names, folder.name), encoding="utf-8")


if __name__ == "__main__":
    main()
