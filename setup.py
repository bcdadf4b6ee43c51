"""Puts the notebooks and the params into the package, so that it works outside a checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
KEPT = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")


class WithNotebooks(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in ("notebooks", "params"):
            target = Path(self.build_lib) / "edgebook" / "shipped_files" / name
            shutil.copytree(ROOT / name, target, dirs_exist_ok=True, ignore=KEPT)


setup(cmdclass={"build_py": WithNotebooks})
