"""Makes the wheel: package and built module side by side, through setuptools as Debian has it.

usage: make_wheel.py BUILD_DIR      the build folder of preset python; the wheel is left there, and its path printed
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent


def main(build_dir):
    stage = build_dir / "package"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(HERE / "chronik", stage / "chronik", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(HERE / name, stage)
    (module,) = (build_dir / "native").glob("_native.*.so")
    shutil.copy(module, stage / "chronik")
    for old in build_dir.glob("chronik-*.whl"):
        old.unlink()
    # The module is already built, so setuptools sees none: say that the wheel is for this Python and machine.
    Distribution.has_ext_modules = lambda _: True
    os.chdir(stage)
    with open(build_dir / "wheel.log", "w", encoding="utf-8") as log, contextlib.redirect_stdout(log), \
            contextlib.redirect_stderr(log):
        name = build_meta.build_wheel(str(build_dir))
    print(f"dev: wheel {os.path.relpath(build_dir / name, HERE.parents[1])}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
