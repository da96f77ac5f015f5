"""How many fused multiply-adds cores do, measured with a small C program of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

PROBE = """
#include <stdio.h>
#include <time.h>
typedef double lanes __attribute__((vector_size(WIDTH * 8)));
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
int main(void)
{
    lanes x[12], a, b;
    for (int i = 0; i < WIDTH; i++) a[i] = 0.999999, b[i] = 1e-9;
    for (int j = 0; j < 12; j++) x[j] = b;
    double start = now(), sum = 0.0;
    for (int i = 0; i < 40000000; i++)
        for (int j = 0; j < 12; j++) x[j] = x[j] * a + b;
    double taken = now() - start;
    for (int j = 0; j < 12; j++) sum += x[j][0];
    printf("%.6f %g\\n", 12 * 40000000.0 * WIDTH / taken * 1e-9, sum);
    return 0;
}
"""
FLAGS = {"avx512": ["-mavx512f", "-mfma", "-DWIDTH=8"], "avx2": ["-mavx2", "-mfma", "-DWIDTH=4"]}


def multiply_adds_per_ns(isa: str, copies: int = 1) -> float | None:
    """Multiply-adds of doubles per ns of programs that run side by side, all together.

    None without a compiler or where it is not known.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or isa not in FLAGS:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "peak.c"), Path(folder, "peak")
        source.write_text(PROBE)
        command = [compiler, "-O3", "-ffp-contract=fast", *FLAGS[isa], str(source), "-o"]
        subprocess.run([*command, str(program)], check=True, capture_output=True)
        running = [
            subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True)
            for _ in range(copies)
        ]
        printed = [process.communicate()[0] for process in running]
    return sum(float(text.split()[0]) for text in printed)
