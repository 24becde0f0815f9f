"""The split by hash: stable, and enough pictures in every part."""

import pandas as pd
import pytest

from vae_keras.data.splits import limit_rows, name_hash, sort_rows, split_by_hash


def test_split_by_hash():
    names = [f"{i}.jpg" for i in range(3000)]
    split = dict(zip(names, split_by_hash(names)))
    shares = pd.Series(split).value_counts(normalize=True)
    assert abs(shares["train"] - 0.8) < 0.03 and abs(shares["test"] - 0.1) < 0.02
    assert split == dict(zip(names, split_by_hash([*names, "new.jpg"])))  # stable when files are added
    part = split_by_hash(names[:300], total=3000)
    assert part == [split[name] for name in names[:300]]


@pytest.mark.parametrize("count, expected", [(40, (8, 4)), (24, (8, 4)), (12, (2, 1)), (3, (1, 1))])
def test_small_sets_have_every_split(count, expected):
    split = split_by_hash([f"{i}.jpg" for i in range(count)])
    assert split.count("test") >= expected[0] and split.count("validation") >= expected[1]
    assert split.count("train") > 0 and split == split_by_hash([f"{i}.jpg" for i in range(count)])


def test_rows_are_sorted_by_split_and_hash_and_cut():
    names = [f"{i}.jpg" for i in range(400)]
    table = pd.DataFrame({"split": split_by_hash(names)}, index=names)
    ordered = sort_rows(table)
    for split, part in ordered.groupby("split"):
        assert list(part.index) == sorted(part.index, key=name_hash)
        assert (table["split"][part.index] == split).all()
    assert list(ordered["split"].unique()) == ["train", "validation", "test"]
    few = limit_rows(ordered, 8)
    counts = ordered["split"].value_counts()
    assert few["split"].value_counts().to_dict() == {
        "train": 8,
        "validation": min(64, counts["validation"]),
        "test": min(64, counts["test"]),
    }
    assert list(few.index[:8]) == list(ordered.index[:8])
    assert limit_rows(ordered, None) is ordered


def test_an_accented_name_has_one_hash():
    assert name_hash("e\u0301.jpg") == name_hash("\u00e9.jpg") != name_hash("e.jpg")
