"""A tiny GTSRB in each of its layouts."""

from harness.data.formats import gtsrb
from tests.data.builders import (
    gtsrb_archives,
    write_files,
    write_gtsrb_folders,
    write_gtsrb_kaggle,
)

TRAIN_ZIP, TEST_ZIP, LABELS_ZIP = gtsrb.TRAIN_ZIP, gtsrb.TEST_ZIP, gtsrb.LABELS_ZIP
LAYOUTS = {
    "official folders": lambda folder: write_gtsrb_folders(folder),
    "official archives": lambda folder: write_files(folder, gtsrb_archives()),
    "Kaggle": lambda folder: write_gtsrb_kaggle(folder),
}


def read(data_dir, train=None, test=None):
    return gtsrb.locate(data_dir).read(train, test)


OFFICIAL_CSV = "GTSRB/Final_Training/Images/00001/GT-00001.csv"
ARCHIVES = gtsrb_archives()
