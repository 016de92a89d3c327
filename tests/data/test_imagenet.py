import pytest
from PIL import Image

from pocketnas.data.load import load
from pocketnas.errors import DataError

SYNSETS = ("n01440764", "n02119789", "n03126707")


@pytest.fixture(params=["ILSVRC/Data/CLS-LOC", "."])
def root(request, tmp_path):
    """Ten training images a class; the validation images have the classes 2, 0, 1."""
    base = tmp_path / "set" / request.param
    for label, synset in enumerate(SYNSETS):
        (base / "train" / synset).mkdir(parents=True)
        for index in range(10):
            file = base / "train" / synset / f"{synset}_{index}.JPEG"
            Image.new("RGB", (5, 4), (80 * label,) * 3).save(file, "JPEG")
    (base / "val").mkdir()
    for index, label in enumerate((2, 0, 1), 1):
        file = base / "val" / f"ILSVRC2012_val_{index:08}.JPEG"
        Image.new("RGB", (5, 4), (80 * label,) * 3).save(file, "JPEG")
    return tmp_path / "set"


def solve(root, synsets=(SYNSETS[2], SYNSETS[0], SYNSETS[1])):
    rows = [f"ILSVRC2012_val_{i:08},{synset} 1 2 3 4 \n" for i, synset in enumerate(synsets, 1)]
    (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(rows))


def test_validation_labels_and_names(root):
    solve(root)
    names = "n01440764 tench, Tinca tinca\nn02119789 crane\nn03126707 crane, machine\n"
    (root / "LOC_synset_mapping.txt").write_text(names)
    images = load(root, resolution=2)
    assert images.classes == ("tench", "crane (n02119789)", "crane (n03126707)")
    assert images.labels[30:].tolist() == [2, 0, 1]
    assert images.presplit_test.tolist() == [30, 31, 32]
    assert images.pixels[:, 0, 0, 0].tolist() == [80 * label for label in images.labels]


def test_no_labels_says_what_is_expected_where(root):
    with pytest.raises(DataError, match=r"cannot be told; expected .*set/LOC_val_solution\.csv"):
        load(root)


def test_labels_that_do_not_fit(root):
    solve(root, SYNSETS[:2])
    with pytest.raises(DataError, match=r"no synset .* ILSVRC2012_val_00000003\.JPEG \(1 of 3"):
        load(root)
