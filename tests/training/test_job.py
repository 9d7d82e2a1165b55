import pytest

from harness.training.context import TrainingContext
from harness.training.job import CaseImages, TrainingJob
from tests.helpers.tiny import CPU, make_case
from tests.helpers.training import Recorder


@pytest.fixture
def make_job(tiny_dataset, results):
    def make(**options):
        context = TrainingContext(options.pop("callback", Recorder()))
        return TrainingJob(make_case(tiny_dataset, **options), tiny_dataset, results, CPU, context)

    return make


def test_without_a_split_the_test_images_are_evaluated(make_job, tiny_dataset):
    images = CaseImages.of(make_job())
    assert images.validation is None
    assert images.evaluated is images.test is tiny_dataset.test
    assert images.train is tiny_dataset.train


def test_with_a_split_held_out_training_images_are_evaluated(make_job, tiny_dataset):
    images = CaseImages.of(make_job(val_split=0.3))
    assert images.evaluated is images.validation
    assert len(images.train) + len(images.validation) == len(tiny_dataset.train)
    assert images.test is tiny_dataset.test


@pytest.mark.parametrize(("val_split", "names"), [(0.0, {"train", "test"}), (0.3, {"train", "test", "validation"})])
def test_every_set_is_placed_under_its_name(make_job, val_split, names):
    placed = {}
    images = CaseImages.of(make_job(val_split=val_split))
    copies = images.placed(lambda one, name: placed.setdefault(name, (one, object()))[1])
    assert placed.keys() == names
    for name in names:
        assert placed[name] == (getattr(images, name), getattr(copies, name))


def test_a_notice_reaches_the_callback_with_the_case(make_job):
    noticed = []

    class Noting(Recorder):
        def on_notice(self, case, text):
            noticed.append((case, text))

    job = make_job(callback=Noting())
    job.notify("a file was left out")
    assert noticed == [(job.case, "a file was left out")]
