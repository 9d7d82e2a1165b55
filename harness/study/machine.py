"""One machine set up for a study: its device, its precision, and its datasets in memory."""

from collections.abc import Callable, Collection
from dataclasses import replace

from harness.config.case import Case
from harness.config.datasets import LIBRARY_PREFIXES, is_resized
from harness.config.experiment import Experiment
from harness.config.recipe import Recipe, Resize
from harness.config.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.config.settings import Settings
from harness.data import registry
from harness.data.registry import Dataset
from harness.data.source import each_key_once
from harness.data.split import can_be_split, count_held_out
from harness.data.verified_fingerprints import is_verified
from harness.errors import InputError
from harness.hardware.device import resolve_device, resolve_precision, slowness_of
from harness.models.build import model_of
from harness.models.cost import count_macs, count_parameters
from harness.models.identity import network_identity
from harness.models.library import require_known
from harness.models.trial import network_notes
from harness.results.folder import ResultsFolder
from harness.study.resolution import resolve
from harness.text import count_noun
from harness.training.job import require_no_batch_of_one
from harness.training.shared_memory import require_shared_memory
from harness.training.trainers.compilation import should_compile, why_auto_is_off
from harness.training.trainers.trainer import empty_network


class Machine:
    """The machine that trains, with the settings resolved for it."""

    def __init__(self, settings: Settings) -> None:
        """Resolve the settings on this machine.

        Raises:
            InputError: the device is not available or does not support the precision.
        """
        self.settings = settings
        self.device = resolve_device(settings.device)
        self.precision = resolve_precision(settings.precision, self.device, settings.pipeline)
        self._datasets: dict[tuple[str, Resize | None], tuple[Dataset, bool]] = {}
        self._resolved: dict[tuple[object, ...], Experiment] = {}
        self._notes: set[str] = set()

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None] = lambda _: None) -> None:
        """Load the experiments' datasets, downloading what is missing, and check that they fit the recipes.

        Args:
            notify: called with a line about each step that may take long.

        Raises:
            InputError: data are missing or damaged, do not fit a recipe, or cannot be split for validation; a network
                cannot be trained on them; or the shared memory has no room for the reference pipeline's batches.
        """
        setting = self.settings.compile if self.settings.pipeline == "fast" else "off"
        if notice := why_auto_is_off(setting, self.device, self.precision):
            self._notify_once(notice, notify)
        if note := slowness_of(self.precision, self.device):
            self._notify_once(note, notify)
        for experiment in experiments:
            require_known(experiment.network)
        with each_key_once():
            for experiment in experiments:
                self._prepare(experiment, notify)

    def _prepare(self, experiment: Experiment, notify: Callable[[str], None]) -> None:
        dataset = self.dataset(experiment, notify)[0]
        recipe = self.resolved(experiment).resolved_recipe
        require_fitting_images(recipe, dataset)
        self._try_network(self.resolved(experiment), dataset, notify)
        if self.settings.pipeline == "reference":
            require_shared_memory(recipe, dataset.spec.channels, len(dataset.train))
        if self.settings.val_split_of(experiment.variant) and experiment.mode != "quick":
            _require_splittable(dataset)
        _require_whole_images(experiment, dataset)
        require_no_batch_of_one(self.case(experiment), dataset)

    def _try_network(self, experiment: Experiment, dataset: Dataset, notify: Callable[[str], None]) -> None:
        """Check by a trial that a network can be trained; report the notes on it once.

        Raises:
            InputError: it cannot be trained on these images.
        """
        model, spec, size = experiment.network, dataset.spec, experiment.resolved_recipe.image_size
        for note in network_notes(model, spec.input_shape(size), spec.num_classes):
            self._notify_once(f"{model.name}: {note}", notify)

    def _notify_once(self, text: str, notify: Callable[[str], None]) -> None:
        if text not in self._notes:
            self._notes.add(text)
            notify(text)

    def case(self, experiment: Experiment) -> Case:
        """Return the experiment's case: bound to the images, the kind of device and the precision.

        If `--compile auto` has decided otherwise since the case was started, it is the one that was started.
        """
        experiment = self.resolved(experiment)
        if experiment.variant.is_tuned and experiment.variant.learning_rate is None:
            raise InputError(
                f"{experiment.label}: its learning rate is not chosen yet\n"
                "run pytest with --learning-rates: it chooses the rate by trials, and then trains the case"
            )
        dataset = self.dataset(experiment)[0]
        val_split = self.settings.val_split_of(experiment.variant)
        if val_split and not can_be_split(dataset.train):
            val_split = 0.0  # too few images of a quick run; `prepare` refuses other modes
        case = experiment.bind(
            device_kind=self.device.type,
            precision=self.precision,
            data_fingerprint=dataset.fingerprint,
            val_split=val_split,
            pipeline=self.settings.pipeline,
            compiled=self._should_compile(experiment, dataset, val_split),
            network=network_identity(experiment.own, dataset.spec),
            deterministic=self.settings.deterministic_on(self.device.type),
        )
        return self._as_started(case) if self.settings.compile == "auto" else case

    def _as_started(self, case: Case) -> Case:
        """Return the case, compiled or not as the results folder has it if it was started."""
        results, other = ResultsFolder(self.settings.results_dir), replace(case, compiled=not case.compiled)
        is_other_there = results.folder(other).exists() and not results.folder(case).exists()
        return other if is_other_there else case

    def resolved(self, experiment: Experiment, notify: Callable[[str], None] = lambda _: None) -> Experiment:
        """Return the experiment with the recipe that its images decide, equal for all models and seeds.

        Raises:
            InputError: the data are missing or damaged.
        """
        if isinstance(experiment.recipe, Recipe):
            return experiment
        variant = experiment.variant
        key = (experiment.dataset, experiment.recipe, experiment.mode, experiment.network.is_foreign, variant)
        if key not in self._resolved:
            own_size = self._own_size(experiment, notify)
            self._resolved[key] = resolve(
                experiment, self.settings, own_size, lambda resize: self._dataset(experiment, resize, notify)[0]
            )
        found = self._resolved[key]
        return replace(experiment, recipe=found.recipe, mode=found.mode)

    def _own_size(self, experiment: Experiment, notify: Callable[[str], None]) -> int | None:
        """Return the side of the images if all are squares of one size; None otherwise."""
        name, data_dir = experiment.dataset, self.settings.data_dir
        if name.startswith(LIBRARY_PREFIXES):
            if experiment.mode != "quick":
                registry.locate_or_download(name, data_dir, notify=notify)  # its files may show the size
            elif registry.locate(name, data_dir) is None:
                return None  # digits stand in, at any size
        return registry.get_spec(name, data_dir).image_size

    def _should_compile(self, experiment: Experiment, dataset: Dataset, val_split: float) -> bool:
        train_images = experiment.variant.train_fraction * (
            len(dataset.train) - count_held_out(dataset.train, val_split)
        )
        return self.settings.pipeline == "fast" and should_compile(
            self.settings.compile,
            experiment.network,
            dataset.spec,
            experiment.resolved_recipe,
            round(train_images),
            self.device,
            self.precision,
        )

    def weight_bytes(self, experiment: Experiment) -> int:
        """Return the size of the weights of the experiment's network, in bytes."""
        spec = self.dataset(experiment)[0].spec
        return 4 * count_parameters(empty_network(self.case(experiment), spec))

    def epoch_operations(self, experiment: Experiment) -> int:
        """Return the multiply-accumulates of an epoch: an image trained costs three forward passes."""
        dataset, case = self.dataset(experiment)[0], self.case(experiment)
        held_out = count_held_out(dataset.train, case.val_split)
        evaluated = held_out or len(dataset.test)
        input_shape = dataset.spec.input_shape(case.recipe.image_size)
        macs = count_macs(model_of(case), input_shape, dataset.spec.num_classes, case.shortcut)
        trained = case.train_fraction * (len(dataset.train) - held_out)
        return macs * (3 * round(trained) + evaluated)

    def dataset(self, experiment: Experiment, notify: Callable[[str], None] = lambda _: None) -> tuple[Dataset, bool]:
        """Return the experiment's dataset, and whether it is verified as the published one; load it once.

        Raises:
            InputError: the data are missing or damaged.
        """
        resize = self.resolved(experiment, notify).resolved_recipe.resize
        return self._dataset(experiment, resize, notify)

    def _dataset(self, experiment: Experiment, resize: Resize, notify: Callable[[str], None]) -> tuple[Dataset, bool]:
        key = (experiment.dataset, resize if is_resized(experiment.dataset) else None)
        if key not in self._datasets:
            self._datasets[key] = self._load(*key, is_quick=experiment.mode == "quick", notify=notify)
        return self._datasets[key]

    def _load(
        self, name: str, resize: Resize | None, *, is_quick: bool, notify: Callable[[str], None]
    ) -> tuple[Dataset, bool]:
        data_dir = self.settings.data_dir
        if is_quick:
            limits = (QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES)
            return registry.load_slice(name, data_dir, *limits, resize=resize), False
        source = registry.locate_or_download(name, data_dir, resize=resize, notify=notify)
        notify(f"loading {name}: {source.layout} in {source.path}")
        dataset = registry.load(name, data_dir, resize=resize, notify=notify)
        return dataset, is_verified(dataset, source)


def _require_whole_images(experiment: Experiment, dataset: Dataset) -> None:
    """Raise an `InputError` if a share of the training images is less than one image per class."""
    share, images, classes = experiment.variant.train_fraction, len(dataset.train), dataset.spec.num_classes
    if share < 1 and share * images < classes:
        raise InputError(
            f"--train-fraction {share:g}: of {images:,} training images this is less than one for each of "
            f"{count_noun(classes, 'class')}: give {classes / images:.2g} or more"
        )


def _require_splittable(dataset: Dataset) -> None:
    """Raise an `InputError` unless images can be held out and, for GTSRB, their tracks are known."""
    name = dataset.spec.name
    if not can_be_split(dataset.train):
        raise InputError(
            f"--val-split: no class of {name} has two images or tracks to split; leave out --val-split, or add images"
        )
    if name == "gtsrb" and dataset.train.tracks is None:
        raise InputError(
            f"--val-split: the file names of gtsrb ({dataset.origin}) do not show its tracks\n"
            "give them their official names, e.g. 00000_00012.ppm, or leave out --val-split"
        )


def require_fitting_images(recipe: Recipe, dataset: Dataset) -> None:
    """Raise an `InputError` unless the recipe fits the images' channels and, without resizing, their size."""
    spec = dataset.spec
    channels = len(recipe.augmentation.mean)
    if channels != spec.channels:
        raise InputError(
            f"recipe {recipe.name!r} is for images of {channels} channels, {spec.name} has {spec.channels}: "
            f"give a recipe with {spec.channels} values of mean and of std"
        )
    size = spec.image_size
    if recipe.augmentation.rotate_first or is_resized(spec.name) or size == recipe.image_size:
        return
    if size is None:
        raise InputError(
            f"recipe {recipe.name!r} does not resize images, and those of {spec.name} differ in size: give a recipe "
            "whose augmentation has rotate_first=True"
        )
    raise InputError(
        f"recipe {recipe.name!r} is for images of {recipe.image_size}×{recipe.image_size}, "
        f"{spec.name} has {size}×{size}: give a recipe with image_size={size}"
    )
