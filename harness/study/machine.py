"""A node: a machine as cases are trained on it. Its device, its precision, its datasets in memory."""

from collections.abc import Callable, Collection

from harness.config.case import Case
from harness.config.datasets import is_folder
from harness.config.experiment import Experiment
from harness.config.families import parse_model
from harness.config.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.config.settings import Settings
from harness.data import registry
from harness.data.registry import Dataset
from harness.data.split import can_be_split
from harness.data.verification import is_verified
from harness.errors import InputError
from harness.hardware.device import resolve_device, resolve_precision
from harness.models.cost import count_parameters
from harness.training.trainers.compilation import should_compile
from harness.training.trainers.trainer import empty_network


class Machine:
    """The settings made real on this machine."""

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            InputError: the device is not there or does not have the precision.
        """
        self.settings = settings
        self.device = resolve_device(settings.device)
        self.precision = resolve_precision(settings.precision, self.device, settings.pipeline)
        self._datasets: dict[tuple[str, int | None], tuple[Dataset, bool]] = {}

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None] = lambda _: None) -> None:
        """Find or fetch the data of the experiments, and make sure that they can be trained on them.

        Args:
            notify: is given a line about what takes a while.

        Raises:
            InputError: something is not as it has to be.
        """
        for experiment in experiments:
            dataset = self.dataset(experiment, notify)[0]
            _require_fitting(experiment, dataset)
            if self.settings.val_split and experiment.mode != "quick":
                _require_splitting(dataset)

    def case(self, experiment: Experiment) -> Case:
        """The case that an experiment is here: bound to the images, the kind of device and the precision."""
        dataset = self.dataset(experiment)[0]
        val_split = self.settings.val_split
        if val_split and not can_be_split(dataset.train):
            val_split = 0.0  # a smoke run's few images may leave none to hold out; `prepare` refuses others
        train_images = round(len(dataset.train) * (1 - val_split))
        compiled = self.settings.pipeline == "fast" and should_compile(
            self.settings.compile,
            parse_model(experiment.model),
            dataset.spec,
            experiment.recipe,
            train_images,
            self.device,
        )
        return experiment.bind(
            device_kind=self.device.type,
            precision=self.precision,
            data_fingerprint=dataset.fingerprint,
            val_split=val_split,
            pipeline=self.settings.pipeline,
            compiled=compiled,
        )

    def weight_bytes(self, experiment: Experiment) -> int:
        """What the weights of the experiment's network take."""
        spec = self.dataset(experiment)[0].spec
        return 4 * count_parameters(empty_network(self.case(experiment), spec))

    def dataset(self, experiment: Experiment, notify: Callable[[str], None] = lambda _: None) -> tuple[Dataset, bool]:
        """An experiment's images, and whether they are the published ones; loaded once."""
        name, data_dir = experiment.dataset, self.settings.data_dir
        image_size = experiment.recipe.image_size if is_folder(name) else None
        key = (name, image_size)
        if key not in self._datasets:
            if experiment.mode == "quick":
                limits = (QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES)
                self._datasets[key] = (registry.load_slice(name, data_dir, *limits, image_size=image_size), False)
            else:
                source = registry.locate_or_download(name, data_dir, image_size=image_size, notify=notify)
                notify(f"loading {name}: {source.layout} in {source.path}")
                dataset = registry.load(name, data_dir, image_size=image_size)
                self._datasets[key] = (dataset, is_verified(dataset, source, data_dir))
        return self._datasets[key]


def _require_splitting(dataset: Dataset) -> None:
    """A validation split needs images to spare and, for GTSRB, to know which are shots of one sign."""
    name = dataset.spec.name
    if not can_be_split(dataset.train):
        raise InputError(
            f"--val-split: no class of {name} has two images or tracks to split: leave it out, or add images"
        )
    if name == "gtsrb" and dataset.train.tracks is None:
        raise InputError(
            f"--val-split: the file names of gtsrb ({dataset.origin}) do not tell its tracks\n"
            "give them their official names, as 00000_00012.ppm, or leave the option out"
        )


def _require_fitting(experiment: Experiment, dataset: Dataset) -> None:
    """The recipe has to be for images of the dataset's channels and, where it does not resize, size."""
    recipe, spec = experiment.recipe, dataset.spec
    channels = len(recipe.augmentation.mean)
    if channels != spec.channels:
        raise InputError(
            f"recipe {recipe.name!r} is for images of {channels} channels, {spec.name} has {spec.channels}: "
            "give a recipe with as many means"
        )
    size = spec.image_size
    if not recipe.augmentation.rotate_first and size not in (None, recipe.image_size):
        raise InputError(
            f"recipe {recipe.name!r} is for images of {recipe.image_size}×{recipe.image_size}, "
            f"{spec.name} has {size}×{size}: give a recipe with image_size={size}"
        )
    images, smallest = len(dataset.train), 32 if parse_model(experiment.model).family == "imagenet" else 4
    if recipe.image_size <= smallest and images % recipe.batch_size == 1:
        raise InputError(
            f"{experiment.label}: {images} images in batches of {recipe.batch_size} leave a last batch of one\n"
            "from which BatchNorm cannot learn at this image size: give the recipe another batch_size"
        )
