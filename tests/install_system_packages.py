"""In CI, install what the tests of the page and of LaTeX need and pip cannot: a browser and pdflatex, from Debian.

Elsewhere nothing is installed: it says what is missing, and those tests are skipped.
"""

import os
import shutil
import subprocess

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PACKAGES = {
    BROWSERS: ["chromium"],
    ("pdflatex",): ["texlive-latex-base", "texlive-latex-recommended", "texlive-fonts-recommended"],
}


def main() -> None:
    missing = [programs for programs in _PACKAGES if not any(map(shutil.which, programs))]
    if not missing:
        return
    packages = [package for programs in missing for package in _PACKAGES[programs]]
    may_install = os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0
    if not may_install:
        print(f"not installed, their tests are skipped: {' and '.join(programs[0] for programs in missing)}")
        print(f"(on Debian: apt-get install {' '.join(packages)})")
        return
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
