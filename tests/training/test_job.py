from dataclasses import replace

import pytest

from harness.errors import InputError
from harness.training.context import TrainingContext
from harness.training.job import CaseImages, TrainingJob, require_no_batch_of_one, require_trainable
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case
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


@pytest.mark.parametrize(
    ("model", "image_size", "batch_size", "val_split", "is_refused"),
    [
        ("resnet24", 8, 29, 0.0, True),  # 30 images: the last batch
        ("resnet24", 8, 28, 0.0, False),
        ("resnet24", 8, 1, 0.0, True),  # every batch
        ("resnet24", 8, 64, 0.0, False),  # a single batch of all
        ("resnet24", 33, 29, 0.0, False),  # the last maps are 2×2
        ("resnet8", 4, 29, 0.0, True),
        ("resnet8", 5, 1, 0.0, False),
        ("resnet24", 8, 23, 0.2, True),  # 24 images are left
        ("resnet24", 8, 29, 0.2, False),
    ],
)
def test_a_batch_of_one_is_refused_where_batchnorm_fails(
    model, image_size, batch_size, val_split, is_refused, tiny_dataset
):
    recipe = replace(TINY_RECIPE, batch_size=batch_size, image_size=image_size)
    case = make_case(tiny_dataset, model=model, recipe=recipe, val_split=val_split)
    if is_refused:
        with pytest.raises(InputError, match=r"batch of one, from which BatchNorm .* at this image size\ngive the"):
            require_no_batch_of_one(case, tiny_dataset)
    else:
        require_no_batch_of_one(case, tiny_dataset)


def test_a_batch_of_one_that_options_leave_is_refused_with_their_names(tiny_dataset):
    recipe = replace(TINY_RECIPE, batch_size=5)  # 24 images are left of 30, and 6 of these
    case = make_case(tiny_dataset, model="resnet24", recipe=recipe, val_split=0.2, train_fraction=0.25)
    with pytest.raises(InputError) as refused:
        require_no_batch_of_one(case, tiny_dataset)
    assert "the 6 images that --val-split 0.2 and --train-fraction 0.25 leaves, in batches of 5" in str(refused.value)
    assert str(refused.value).endswith("another batch_size, or another --val-split, or another --train-fraction")


def test_a_share_is_of_the_training_images_alone(make_job):
    images = CaseImages.of(make_job(val_split=0.3, train_fraction=0.5))
    undivided = CaseImages.of(make_job(val_split=0.3))
    assert len(images.train) < len(undivided.train)
    assert [len(images.validation), len(images.test)] == [len(undivided.validation), len(undivided.test)]


def test_training_by_the_api_refuses_a_batch_of_one_too(tiny_dataset):
    case = make_case(tiny_dataset, model="resnet24", recipe=replace(TINY_RECIPE, batch_size=29))
    with pytest.raises(InputError, match="the 30 images, in batches of 29, have a last batch of one"):
        require_trainable(case, tiny_dataset, CPU)
