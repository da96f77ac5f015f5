"""The compiled parts: the kernel once per instruction set, and the reference's random stream."""

from __future__ import annotations

import os
import runpy
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

# Debugging information would be six sevenths of the library, and a third of the time to build it:
# only where CFLAGS asks for it.
DEBUGGING = "-g" if "-g" in os.environ.get("CFLAGS", "").split() else "-g0"
X86_64 = sysconfig.get_platform().endswith(("x86_64", "amd64"))
COMPILER_NEEDED = (
    "nbcy is compiled here, and that needs a C compiler that works: gcc 10 or clang 14, or later, "
    "with Python's headers (Debian: apt install gcc python3-dev)"
)


def read_builds() -> dict[str, list[str]]:
    """What csrc/builds.mk says."""
    lines = Path("csrc/builds.mk").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): words.split() for name, words in pairs}


BUILDS = read_builds()
KERNEL_BUILDS = BUILDS["BUILDS"] + (BUILDS["X86_64_BUILDS"] if X86_64 else [])
HEADERS = [str(path) for path in sorted(Path("csrc").iterdir()) if path.is_file()]
# Compiler's and linker's flags: gcc and clang; Apple's clang with a libomp beside it.
OPENMP_FLAGS = [
    (["-fopenmp"], ["-fopenmp"]),
    (["-Xpreprocessor", "-fopenmp"], ["-lomp"]),
]
OPENMP_PROBE = """
#include <omp.h>
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
        try:
            if ext.name == "nbcy.kernel._kernel":
                self.prepare_kernel(ext)
            super().build_extension(ext)
        except CompileError as error:
            raise CompileError(f"{error}\n{COMPILER_NEEDED}") from None

    def prepare_kernel(self, ext: Extension) -> None:
        """Compile what is compiled apart, and choose how to thread the rest."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for objects in pool.map(self.compile_kernel, KERNEL_BUILDS):
                ext.extra_objects += objects
        reasons = []
        for compiling, linking in OPENMP_FLAGS:
            reason = self.why_no_openmp(compiling, linking)
            if reason is None:
                ext.extra_compile_args += compiling
                ext.extra_link_args += linking
                return
            reasons.append(f"  {' '.join(compiling + linking)}: {reason}")
        text = "nbcy: OpenMP does not work with this compiler, the build has one thread alone"
        hint = "for clang on Debian: apt install libomp-dev; for macOS: brew install libomp"
        print("\n".join([f"{text} ({hint}):", *reasons]), file=sys.stderr)

    def compile_kernel(self, name: str) -> list[str]:
        """Compile one build of the kernel."""
        objects: list[str] = self.compiler.compile(
            [f"csrc/kernel_{name}.c"],
            output_dir=self.build_temp,
            include_dirs=["csrc"],
            extra_postargs=[*BUILDS["KERNEL_FLAGS"], DEBUGGING, *BUILDS[f"FLAGS_{name}"]],
            depends=HEADERS,
        )
        return objects

    def why_no_openmp(self, compiling: list[str], linking: list[str]) -> str | None:
        """Compile, link and run a parallel region; None when all is well."""
        with tempfile.TemporaryDirectory() as folder:
            program = str(Path(folder, "probe"))
            Path(f"{program}.c").write_text(OPENMP_PROBE)
            compiler = self.compiler.compiler_so
            linker = [*self.compiler.linker_exe, *shlex.split(os.environ.get("LDFLAGS", ""))]
            for command in (
                [*compiler, *compiling, "-c", f"{program}.c", "-o", f"{program}.o"],
                [*linker, f"{program}.o", "-o", program, *linking],
                [program],
            ):
                try:
                    done = subprocess.run(
                        command, capture_output=True, text=True, timeout=60, check=False
                    )
                except (OSError, subprocess.TimeoutExpired) as error:
                    return str(error)
                if done.returncode:
                    lines = [line for line in done.stderr.splitlines() if "error" in line]
                    return (lines or [f"status {done.returncode}"])[0].replace(folder, "")
        return None


kernel = Extension(
    "nbcy.kernel._kernel",
    sources=["nbcy/kernel/_kernel.pyx", "csrc/dispatch.c"],
    include_dirs=["csrc"],
    depends=HEADERS,
    define_macros=[
        ("NBCY_SOURCES", f'"{runpy.run_path("csrc/fingerprint.py")["fingerprint"]()}"'),
        *([("NBCY_X86_64", "1")] if X86_64 else []),
    ],
    extra_compile_args=["-O2", "-std=gnu11", DEBUGGING, "-ffp-contract=off"],
)
# Strict rounding: this stream must give the reference's numbers to the last bit.
rng = Extension(
    "nbcy.base._rng",
    sources=["nbcy/base/_rng.pyx", "csrc/rng.c"],
    include_dirs=["csrc"],
    depends=HEADERS,
    extra_compile_args=[
        *("-O2", "-std=gnu11", DEBUGGING, "-ffp-contract=off", "-fno-math-errno"),
    ],
)

setup(
    ext_modules=cythonize([kernel, rng], compiler_directives={"language_level": 3}),
    cmdclass={"build_ext": BuildKernel},
)
