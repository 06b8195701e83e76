#!/usr/bin/env python3
"""Write the word vectors of the hub-free model's 1,000 classes, which the package carries.

They depend on the names in imagenet1k_classes.tsv, on MiniLM and on the prompts alone, so nobody has to load a model of
words to encode pictures. Run it again when one of the three changes; the test beside `hub_free.py` says when.

    python scripts/make_class_vectors.py
"""

from pathlib import Path

import numpy as np

from concept_memes.encoders.hub_free import CLASS_VECTORS, HubFreeEncoder, class_names

FOLDER = Path(__file__).parents[1] / "concept_memes" / "data"


def main() -> None:
    encoder = HubFreeEncoder(device="cpu", precision="fp32")
    meaning = encoder.encode_texts(class_names())[:, encoder.blocks[1]]
    np.save(FOLDER / CLASS_VECTORS, meaning.astype(np.float16))


if __name__ == "__main__":
    main()
