"""A tiny CIFAR-10 that passes for the published one."""

import torchvision

from harness.data.formats import cifar10
from tests.data.builders import (
    CIFAR10_BATCHES,
    cifar10_archive,
    cifar10_contents,
    md5,
)

BATCHES = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"


def publish_tiny(replace=setattr):
    """Replace the published CIFAR-10 by one with two images per batch; return the content of each file."""
    contents = cifar10_contents()
    batches = [[name, md5(contents[name])] for name in CIFAR10_BATCHES]
    replace(torchvision.datasets.CIFAR10, "train_list", batches[:5])
    replace(torchvision.datasets.CIFAR10, "test_list", batches[5:])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(contents["batches.meta"])}
    replace(torchvision.datasets.CIFAR10, "meta", meta)
    replace(cifar10, "ARCHIVE_MD5", md5(cifar10_archive(contents)))
    return contents
