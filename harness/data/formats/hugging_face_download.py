"""The download of a Hugging Face dataset: a program of its own.

The libraries read their settings from the environment when they are imported, so that a process cannot change them.

Usage: ``python hugging_face_download.py NAME CONFIG FOLDER``; CONFIG may be empty. It prints the reason of a failure to
stdout, and exits with 1.
"""

import sys


def main(name: str, config: str, folder: str) -> int:
    """Download a dataset from the hub and save it to a folder; return the exit code."""
    import datasets

    try:
        datasets.load_dataset(name, config or None).save_to_disk(folder)
    except Exception as error:  # of the hub, of its files and of the disk
        print(f"{type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
