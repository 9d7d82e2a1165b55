"""The options of a study, with their defaults and their help. Needs no torch, no pytest."""

from harness.config.limits import GUARD_OPTIONS
from harness.config.option import Option
from harness.config.option_values import (
    boolean,
    cluster_address,
    fraction,
    gpu_share,
    one_of,
    path,
    percentage,
    percentage_points,
    positive,
    positive_or_auto,
    rates,
    schedules,
    seeds,
    share,
    shares,
    time_seconds,
    trackers,
)
from harness.config.variant import TUNING_VAL_SPLIT

OPTIONS = (
    Option(
        "full-training",
        "false",
        boolean,
        "train every case to completion on the whole dataset (default: a quick run, whose accuracy means nothing)",
    ),
    Option(
        "epochs",
        "",
        schedules,
        "train N epochs instead of the recipe's, e.g. 30; milestones scale in proportion; several, e.g. 30,100,300, "
        "are complete schedules that are compared; needs --full-training",
        "LIST",
    ),
    Option(
        "seeds",
        "",
        seeds,
        "train each model once per seed, e.g. 0,1,2 or 0-9 (default: the experiment's own, or 0)",
        "LIST",
    ),
    Option(
        "learning-rates",
        "",
        rates,
        "also train each model at the best of these learning rates for it, e.g. 0.02,0.05,0.1: it is chosen on "
        f"held-out images (--val-split, here {TUNING_VAL_SPLIT}), on seeds of its own (default: the recipe's rate "
        "alone)",
        "LIST",
    ),
    Option(
        "tune-epochs",
        "0.25",
        share,
        "share of the recipe's epochs at which --learning-rates are tried, e.g. 1 for all (default: 0.25)",
        "SHARE",
    ),
    Option(
        "train-fraction",
        "",
        shares,
        "train on these shares of the training images, e.g. 0.1,0.5,1: drawn class by class from the seed, each share "
        "a part of the larger ones; each has an answer of its own (default: 1)",
        "LIST",
    ),
    Option(
        "target",
        "",
        percentage,
        "report the epochs and the time that each model takes to this accuracy in percent, e.g. 90 (default: the least "
        "final accuracy of the smallest model's seeds)",
        "PERCENT",
    ),
    Option(
        "data-dir",
        "",
        path,
        "folder of the datasets, with a sub-folder for each, e.g. ~/data (default: the user's cache folder)",
        "DIR",
    ),
    Option("results-dir", "results", path, "folder for results (default: results)", "DIR"),
    Option("report-dir", "report", path, "folder for the report's page, tables and figures (default: report)", "DIR"),
    Option(
        "device",
        "auto",
        str,
        "auto, cpu, cuda, cuda:N or mps, e.g. cuda:1 (default: auto, the fastest one present)",
        "DEVICE",
    ),
    Option(
        "precision",
        "auto",
        str,
        "auto, fp32, tf32 or bf16 (default: auto, bf16 on GPUs and CPUs that compute it in hardware, else fp32)",
        "PRECISION",
    ),
    Option("rerun", "false", boolean, "train finished cases again, from scratch"),
    Option(
        "val-split",
        "0",
        fraction,
        "hold out this share of the training images for the evaluation after each epoch, e.g. 0.1 (default: 0, the "
        "paper's protocol: the test set after each epoch)",
        "FRACTION",
    ),
    Option(
        "pipeline",
        "fast",
        one_of("fast", "reference"),
        "fast, or reference, the study's own way: eager float32, images transformed one by one in loader processes, "
        "the loss read at each step (default: fast)",
        "PIPELINE",
    ),
    Option(
        "compile",
        "auto",
        one_of("auto", "on", "off"),
        "compile networks: auto, on or off (default: auto, if `python -m harness doctor` has measured a gain here)",
        "WHEN",
    ),
    Option(
        "fsdp",
        "false",
        boolean,
        "for a network too large for one GPU: with several processes of torchrun, keep on each only its part of the "
        "weights, gradients and momentum (torch's FSDP2)",
    ),
    Option(
        "deterministic",
        "false",
        boolean,
        "choose only kernels that give the same bits in every run on the same kind of GPU, which may be slower (a CPU "
        "has no others)",
    ),
    Option(
        "cases-per-device",
        "",
        positive_or_auto,
        "train N cases at once on the device, each in a process of its own, e.g. 3; auto: as many as a GPU has memory "
        "for, up to 4; their times are co-scheduled (default: 1)",
        "N",
    ),
    Option(
        "engine",
        "local",
        one_of("local", "ray"),
        "local: one case after the other in this process; ray: many cases at once on a Ray cluster (default: local)",
        "ENGINE",
    ),
    Option(
        "ray-address",
        "",
        cluster_address,
        "cluster of --engine ray: auto, the one this machine belongs to, or HOST:PORT, e.g. 10.0.0.1:6379 (default: a "
        "new one on this machine only)",
        "ADDRESS",
    ),
    Option(
        "cpus-per-case",
        "",
        positive,
        "CPUs, and as many threads, per case on a cluster, e.g. 4 (default: 1; with --exclusive, all CPUs of a node)",
        "N",
    ),
    Option(
        "gpus-per-case",
        "",
        gpu_share,
        "GPUs per case on a cluster: 1, 0, or a share of one, e.g. 0.5 (default: 1 if the cluster has GPUs)",
        "N",
    ),
    Option("exclusive", "false", boolean, "give each case a node of its own, so that training times are comparable"),
    Option(
        "margin",
        "0.5",
        percentage_points,
        "models are equal if their accuracies are shown to differ by less than PP percentage points, e.g. 1 "
        "(default: 0.5)",
        "PP",
    ),
    Option(
        "until-decided",
        "false",
        boolean,
        "train seed by seed, and skip the remaining seeds of a study once its verdicts are decided; needs "
        "--full-training and two seeds or more",
    ),
    Option(
        "budget",
        "",
        time_seconds,
        "train seed by seed, the cheapest models first, and skip a case that does not fit into what is left of this "
        "time, e.g. 90s, 30m, 2h, 1d or 1h30m; needs --full-training, not with --learning-rates",
        "TIME",
    ),
    Option(
        "accept-other-code",
        "false",
        boolean,
        "keep results, and resume cases, that another version of the code has trained; every table marks them",
    ),
    *GUARD_OPTIONS,
    Option(
        "public",
        "false",
        boolean,
        "leave host, user, kernel, folders and whole commands out of the report, so that it can be published",
    ),
    Option(
        "track",
        "",
        trackers,
        "log every case to tensorboard, mlflow or both, e.g. tensorboard,mlflow; a tracker of your own is MODULE:CLASS",
        "TRACKERS",
    ),
)
