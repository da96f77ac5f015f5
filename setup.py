"""The compiled parts: the kernel once per instruction set, and the reference's random stream."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Debugging information would be six sevenths of the library, and a third of the time to build it:
# only where CFLAGS asks for it.
DEBUGGING = "-g" if "-g" in os.environ.get("CFLAGS", "").split() else "-g0"
# No -ffast-math: the reference built with it yields NaN. Multiply-adds are written where they are
# wanted (csrc/lanes.h).
KERNEL_FLAGS = [
    *("-O3", "-std=gnu11", DEBUGGING),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
]
X86_64 = platform.machine().lower() in ("x86_64", "amd64")
# One object per entry; dispatch.c tests for exactly these features.
KERNEL_BUILDS: dict[str, list[str]] = {
    "scalar": ["-fno-tree-vectorize", "-fno-tree-slp-vectorize"],
    "generic": [],
    "trace": [],
}
if X86_64:
    KERNEL_BUILDS["avx2"] = ["-mavx2", "-mfma"]
    KERNEL_BUILDS["avx512"] = [
        *("-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"),
    ]
HEADERS = [str(path) for path in sorted(Path("csrc").glob("*.h"))]
OPENMP_FLAG = "-fopenmp"
OPENMP_PROBE = """
#include <omp.h>
#include <stdio.h>
int main(void)
{
    int threads = 0;
    #pragma omp parallel num_threads(2) reduction(+:threads)
    threads += 1;
    return omp_get_max_threads() >= 1 && threads >= 1 ? 0 : 1;
}
"""


class BuildKernel(build_ext):
    """Compile the kernel's objects with flags of their own; use OpenMP where it really works."""

    def build_extension(self, ext: Extension) -> None:
        if ext.name == "nbcy.kernel._kernel":
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for objects in pool.map(self.compile_kernel, KERNEL_BUILDS):
                    ext.extra_objects += objects
            if self.openmp_works():
                ext.extra_compile_args.append(OPENMP_FLAG)
                ext.extra_link_args.append(OPENMP_FLAG)
            else:
                print(
                    "nbcy: OpenMP does not work with this compiler: the build is serial",
                    file=sys.stderr,
                )
        super().build_extension(ext)

    def compile_kernel(self, name: str) -> list[str]:
        """Compile one build of the kernel."""
        objects: list[str] = self.compiler.compile(
            [f"csrc/kernel_{name}.c"],
            output_dir=self.build_temp,
            include_dirs=["csrc"],
            extra_postargs=[*KERNEL_FLAGS, *KERNEL_BUILDS[name]],
            depends=HEADERS,
        )
        return objects

    def openmp_works(self) -> bool:
        """Compile, link and run a parallel region."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            try:
                objects = self.compiler.compile(
                    [str(source)], output_dir=folder, extra_postargs=[OPENMP_FLAG]
                )
                self.compiler.link_executable(
                    objects, "probe", output_dir=folder, extra_postargs=[OPENMP_FLAG]
                )
                return (
                    subprocess.run([str(Path(folder, "probe"))], timeout=60, check=False).returncode
                    == 0
                )
            except Exception:  # every compiler fails in its own way
                return False


kernel = Extension(
    "nbcy.kernel._kernel",
    sources=["nbcy/kernel/_kernel.pyx", "csrc/dispatch.c"],
    include_dirs=["csrc"],
    depends=HEADERS,
    define_macros=[("NBCY_X86_64", "1")] if X86_64 else [],
    extra_compile_args=["-O2", "-std=gnu11", DEBUGGING],
)
# Strict rounding: this stream must give the reference's numbers to the last bit.
rng = Extension(
    "nbcy.base._rng",
    sources=["nbcy/base/_rng.pyx", "csrc/rng.c"],
    include_dirs=["csrc"],
    depends=HEADERS,
    extra_compile_args=["-O2", "-std=gnu11", DEBUGGING, "-ffp-contract=off", "-fno-math-errno"],
)

setup(
    ext_modules=cythonize([kernel, rng], compiler_directives={"language_level": 3}),
    cmdclass={"build_ext": BuildKernel},
)
