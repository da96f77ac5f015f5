# How each build of the kernel is compiled: read by setup.py and by tests/c/Makefile, as NAME = words.
# No -ffast-math: the reference built with it yields NaN. Multiply-adds are written where they are wanted (lanes.h).
KERNEL_FLAGS = -O3 -std=gnu11 -fno-math-errno -fno-trapping-math -ffp-contract=off
# One object kernel_NAME.c each; dispatch.c tests for exactly the features that the flags name.
BUILDS = scalar generic trace
X86_64_BUILDS = avx2 avx512
FLAGS_scalar = -fno-tree-vectorize -fno-tree-slp-vectorize
FLAGS_generic =
FLAGS_trace =
FLAGS_avx2 = -mavx2 -mfma
FLAGS_avx512 = -mavx2 -mfma -mavx512f -mavx512dq -mavx512vl -mprefer-vector-width=512
