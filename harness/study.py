"""A study: experiments made ready together, then trained one by one. Knows nothing of pytest."""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterable

from harness import checkpoint
from harness.case import Case
from harness.cost import count_parameters
from harness.datasets import library
from harness.datasets.library import Dataset
from harness.datasets.spec import is_folder
from harness.datasets.split import can_be_split
from harness.datasets.verification import is_verified
from harness.device import resolve_device, resolve_precision
from harness.distributed import ALONE, Ranks, own_device, require_enough, settings_of_several
from harness.environment import training_code_version
from harness.errors import InputError
from harness.experiment import Experiment
from harness.files import require_writable
from harness.models import parse_model
from harness.pipelines.compilation import is_to_be_compiled
from harness.pipelines.shared import Follower
from harness.pipelines.trainer import empty_network
from harness.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.rerun import Rerun
from harness.results import EpochRecord, Result
from harness.results_folder import ResultsFolder
from harness.settings import Settings
from harness.text import several
from harness.train import Listener, train


class Study:
    """The settings made real: a device, a precision, a results folder, datasets in memory."""

    def __init__(self, settings: Settings, ranks: Ranks = ALONE) -> None:
        """
        Args:
            ranks: the processes that train every case together.

        Raises:
            InputError: the device is not there or does not have the precision.
        """
        self.ranks = ranks
        self.settings = settings = settings_of_several(settings, ranks)
        self.device = resolve_device(own_device(resolve_device(settings.device), ranks))
        self.precision = resolve_precision(settings.precision, self.device, settings.pipeline)
        self.results = ResultsFolder(settings.results_dir)
        self._rerun = Rerun(settings.results_dir)
        self._datasets: dict[tuple[str, int | None], tuple[Dataset, bool]] = {}

    def prepare(self, experiments: Collection[Experiment], tell: Callable[[str], None] = lambda _: None) -> None:
        """Make sure, before anything is trained, that all of it can be: folders can be written to, data are there.

        Args:
            tell: is given a line about what takes a while.

        Raises:
            InputError: something is not as it has to be.
        """
        with self.ranks.agreeing():
            self._prepare(experiments, tell)
        identities = {experiment.label: self.case(experiment).identity for experiment in experiments}
        self.ranks.require_same(identities | {"the harness's training code": training_code_version()})
        self.ranks.use(self.device)

    def _prepare(self, experiments: Collection[Experiment], tell: Callable[[str], None]) -> None:
        """What this process can see to by itself; the folders are the first one's."""
        if self.ranks.is_first:
            for name, folder in (("results-dir", self.settings.results_dir), ("report-dir", self.settings.report_dir)):
                require_writable(folder, f"--{name}")
        for experiment in experiments:
            dataset = self._dataset(experiment, tell)[0]
            _require_fitting(experiment, dataset)
            require_enough(experiment.recipe, experiment.label, self.ranks)
            if self.settings.val_split and experiment.mode != "quick":
                _require_splitting(dataset)
        if not self.ranks.is_first:
            return
        self._require_space(experiments)
        if self.settings.rerun:
            done = self._rerun.begin([self.case(experiment).identity for experiment in experiments])
            if done:
                tell(f"going on with the --rerun that was interrupted: {several(done, 'case')} of it done already")

    def case(self, experiment: Experiment) -> Case:
        """The case that an experiment is here: bound to the images, the kind of device and the precision."""
        dataset = self._dataset(experiment)[0]
        val_split = self.settings.val_split
        if val_split and not can_be_split(dataset.train):
            val_split = 0.0  # a smoke run's few images may leave none to hold out; `prepare` refuses others
        train_images = round(len(dataset.train) * (1 - val_split))
        compiled = self.settings.pipeline == "fast" and is_to_be_compiled(
            self.settings.compile,
            parse_model(experiment.model),
            dataset.spec,
            experiment.recipe,
            train_images,
            self.device,
        )
        return Case(
            model=experiment.model,
            dataset=experiment.dataset,
            recipe=experiment.recipe,
            seed=experiment.seed,
            mode=experiment.mode,
            device_kind=self.device.type,
            precision=self.precision,
            data_fingerprint=dataset.fingerprint,
            val_split=val_split,
            pipeline=self.settings.pipeline,
            compiled=compiled,
        )

    def train(self, experiment: Experiment, listener: Listener | None = None) -> tuple[Result, list[EpochRecord]]:
        """The experiment's result and its epoch records, trained unless it is finished."""
        if self.ranks.is_first:
            return self.ranks.lead(lambda: self._train(experiment, listener))
        follower = Follower(self.case(experiment), self._dataset(experiment)[0], self.device, self.ranks)
        result: tuple[Result, list[EpochRecord]] = self.ranks.follow(follower.obey)
        return result

    def _train(self, experiment: Experiment, listener: Listener | None) -> tuple[Result, list[EpochRecord]]:
        dataset, verified = self._dataset(experiment)
        case = self.case(experiment)
        rerun = self.settings.rerun and self._rerun.wants(case.identity)
        is_over = True
        try:
            result = train(
                case,
                dataset,
                self.results,
                self.device,
                rerun=rerun,
                dataset_verified=verified,
                listener=listener,
                ranks=self.ranks,
            )
        except (InputError, KeyboardInterrupt):
            is_over = False
            raise
        finally:
            if rerun and is_over:
                self._rerun.done(case.identity)
        return result, self.results.read_epochs(case) if result.epochs else []

    def _require_space(self, experiments: Iterable[Experiment]) -> None:
        """Room for the weights of every case that is to be trained, and for the largest one's checkpoints."""
        weights, checkpoints = 0, 0
        for experiment in experiments:
            case = self.case(experiment)
            if self.settings.rerun or not self.results.is_finished(case):
                spec = self._dataset(experiment)[0].spec
                weight_bytes = 4 * count_parameters(empty_network(case, spec.channels, spec.num_classes))
                weights += weight_bytes
                if case.mode != "quick":
                    checkpoints = max(checkpoints, weight_bytes * checkpoint.most_weights_kept(case))
        free = shutil.disk_usage(self.results.root).free
        if free < weights + checkpoints:
            raise InputError(
                f"--results-dir {self.results.root} has {free / 2**20:,.0f} MiB free, weights and checkpoints need "
                f"{(weights + checkpoints) / 2**20:,.0f}: free space, or give another folder"
            )

    def recorded(self, experiment: Experiment) -> Result | None:
        """What the results folder has of the experiment, finished or not; None where that is nothing to trust."""
        with contextlib.suppress(InputError):
            return self.results.find(self.case(experiment))
        return None

    def _dataset(self, experiment: Experiment, tell: Callable[[str], None] = lambda _: None) -> tuple[Dataset, bool]:
        """An experiment's images, and whether they are the published ones; loaded once."""
        name, data_dir = experiment.dataset, self.settings.data_dir
        image_size = experiment.recipe.image_size if is_folder(name) else None
        key = (name, image_size)
        if key not in self._datasets:
            if experiment.mode == "quick":
                limits = (QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES)
                self._datasets[key] = (library.load_slice(name, data_dir, *limits, image_size=image_size), False)
            else:
                source = library.obtain(name, data_dir, image_size=image_size, tell=tell)
                tell(f"loading {name}: {source.layout} in {source.path}")
                dataset = library.load(name, data_dir, image_size=image_size)
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
