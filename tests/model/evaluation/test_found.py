from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.evaluation.found import FoundError, find, load_found, save_found
from model.evaluation.ranking import Annotation
from model.evaluation.study import Study, prepare
from tests.model.evaluation.rankers import Fixed, coloured, drawn
from tests.model.tiny import games

STUDY = Study(games(15), (Annotation("g2", ("g0", "g7")), Annotation("g9", ("g1",))), sample=6)


def test_ranks_and_lists_match_the_scores() -> None:
    ground, ranker = prepare(STUDY), drawn(15)
    found = find(ranker, ground)
    order = [i for i in np.argsort(-ranker.table[2]) if i != 2]
    assert found.ranks[0].tolist() == [order.index(0) + 1, order.index(7) + 1]
    assert found.annotated[0].tolist() == order[:10]
    assert found.sampled.shape == (6, 10)


def test_a_query_is_never_its_own_neighbour() -> None:
    ground = prepare(STUDY)
    found = find(Fixed(np.eye(15, dtype=np.float32)), ground)
    assert all(row not in found.sampled[i] for i, row in enumerate(ground.sampled))
    assert found.ranks[1].tolist() == [2]  # g0, then g1: ties rank in row order


@pytest.mark.parametrize(
    "study", [STUDY, Study(coloured(15), label="colour", sample=6)], ids=["annotated", "weak"]
)
def test_what_was_saved_loads_again(study: Study, tmp_path: Path) -> None:
    ground = prepare(study)
    found = find(drawn(15), ground)
    save_found(tmp_path / "new" / "a.npz", found)
    again = load_found(tmp_path / "new" / "a.npz", ground)
    assert [r.tolist() for r in again.ranks] == [r.tolist() for r in found.ranks]
    np.testing.assert_array_equal(again.annotated, found.annotated)
    np.testing.assert_array_equal(again.sampled, found.sampled)


def test_a_damaged_file_or_another_studys_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ground = prepare(STUDY)
    save_found(path, find(drawn(15), ground))
    with pytest.raises(FoundError, match="another study"):
        load_found(path, prepare(replace(STUDY, sample=5)))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FoundError, match="does not load"):
        load_found(path, ground)
