from __future__ import annotations

from pathlib import Path

import pytest
from cachedata import keys_of, stamp, vectors_of

from concept_memes.cache import VectorCache, open_cache
from concept_memes.errors import InvalidParameterError

LIMIT = 1_000_000


def on_day(monkeypatch: pytest.MonkeyPatch, day: int) -> None:
    for module in ("vector_cache", "rows"):
        monkeypatch.setattr(f"concept_memes.cache.{module}.today", lambda: day)


def fill(cache: VectorCache, start: int, n: int = 500) -> None:
    for first in range(start, start + n, 50):
        cache.store("model", keys_of(50, start=first), vectors_of(50, 512))


def n_there(cache: VectorCache, start: int, n: int = 500) -> int:
    return len(cache.vectors("model", keys_of(n, start=start)))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_cache(tmp_path) as cache:
        for day, start in ((1, 0), (2, 1000), (3, 2000)):
            on_day(monkeypatch, day)
            fill(cache, start)
        on_day(monkeypatch, 4)
        assert n_there(cache, 0) == 500  # the oldest are of use again
        cache.set_limit(LIMIT)
        assert (n_there(cache, 0), n_there(cache, 1000)) == (500, 0)
        assert 0 < n_there(cache, 2000) < 500


def test_the_file_itself_shrinks(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        fill(cache, 0, 3000)
        before = size(tmp_path)
        cache.set_limit(LIMIT)
        assert 500 < cache.info().n_vectors < 1000  # no more goes than has to
    assert before > 3 * LIMIT
    assert size(tmp_path) <= LIMIT


def test_the_limit_holds_for_later_runs_when_they_close(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        cache.set_limit(LIMIT)
    with open_cache(tmp_path) as cache:
        assert cache.limit == LIMIT
        fill(cache, 0, 3000)
    assert size(tmp_path) <= LIMIT


def test_the_limit_holds_in_a_long_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concept_memes.cache.vector_cache.STORES_PER_CHECK", 10)
    with open_cache(tmp_path) as cache:
        cache.set_limit(LIMIT)
        fill(cache, 0, 3000)
        assert cache.info().n_vectors < 1500
        assert n_there(cache, 2950, 50) == 50


def test_in_steps_or_at_once_the_same_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = []
    for name, step in (("at once", 20_000), ("in steps", 100)):
        monkeypatch.setattr("concept_memes.cache.rows.ROWS_PER_REMOVAL", step)
        with open_cache(tmp_path / name) as cache:
            fill(cache, 0, 1500)
            cache.set_limit(LIMIT)
            left.append(cache.info().n_vectors)
        assert size(tmp_path / name) <= LIMIT
    assert left[0] == pytest.approx(left[1], rel=0.1)


def test_short_cuts_that_lead_nowhere_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = [stamp(f"/pictures/{i}.jpg") for i in range(1500)]
    with open_cache(tmp_path) as cache:
        on_day(monkeypatch, 1)
        fill(cache, 0, 1500)
        cache.remember_hashes(zip(stamps, keys_of(1500), strict=True))
        on_day(monkeypatch, 2)
        cache.set_limit(LIMIT)
        known = [key for key in cache.known_hashes(stamps) if key is not None]
        assert 0 < len(known) < 1500
        assert set(known) <= set(cache.vectors("model", keys_of(1500)))


def test_short_cuts_alone_keep_to_the_limit_as_well(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        items = [(stamp(f"/pictures/{'long' * 20}/{i}.jpg"), key) for i, key in enumerate(keys_of(15_000))]
        cache.remember_hashes(items)
        cache.set_limit(LIMIT)
        cache.store("model", keys_of(1), vectors_of(1))
    assert size(tmp_path) <= LIMIT


def test_a_limit_can_be_taken_away(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        assert cache.limit is None
        cache.set_limit(LIMIT)
        cache.set_limit(None)
        assert cache.limit is None
        fill(cache, 0, 1500)
    assert size(tmp_path) > LIMIT


@pytest.mark.parametrize("limit", [0, 999_999, -1, 2**63, 1e9, "1GB", True])
def test_what_is_no_limit_is_refused(tmp_path: Path, limit: object) -> None:
    with open_cache(tmp_path) as cache:
        with pytest.raises(InvalidParameterError, match="a whole number of at least 1000000"):
            cache.set_limit(limit)  # type: ignore[arg-type]
        assert cache.limit is None
