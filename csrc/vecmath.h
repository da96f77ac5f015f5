/* The few functions of one variable that the kernel needs, branch-free, on a vector of lanes.
   Polynomials are Remez fits made for nbcy; stated errors are those of the fits. docs/accuracy.md says what rounding adds,
   tests/test_vecmath.py measures both against mpmath. With NBCY_SCALAR they are libm's. */
#ifndef NBCY_VECMATH_H
#define NBCY_VECMATH_H

#include "lanes.h"

#define NBCY_PI 3.14159265358979323846

/* sin(pi x)/(NBCY_SINE_SCALE x) for n <= 6 numbers |x| <= 1/2, relative error 1.5e-16: a monic polynomial of degree 7 in
   t = x^2 - 3. Knuth's preprocessing of coefficients trades multiplications for additions, and processors with pipes
   for each do both at once; among shifts of t this one loses least to rounding. */
#define NBCY_SINE_SCALE (-0x1.62626682309cdp-16)
NBCY_INLINE void nbcy_sine_cores(real *restrict p, const real *restrict x, const int n)
{
    /* stage by stage, so that processors find independent work next to each other */
    real t[6], w[6];
    for (int i = 0; i < n; i++)
        t[i] = nbcy_fma(x[i], x[i], nbcy_all(-3.0));
    for (int i = 0; i < n; i++)
        w[i] = t[i] * t[i];
    for (int i = 0; i < n; i++)
        p[i] = nbcy_fma(t[i] - 0x1.0f6c6645baaa0p+0, w[i] + 0x1.85c82c8a2cdd5p+6, nbcy_all(-0x1.0d6c3876585e8p+9));
    for (int i = 0; i < n; i++)
        p[i] = nbcy_fma(p[i], w[i] + 0x1.7cc65729905adp+5, nbcy_all(0x1.82f8bee54b961p+14));
    for (int i = 0; i < n; i++)
        p[i] = nbcy_fma(p[i], w[i] - 0x1.0ccfb3e670271p+2, nbcy_all(-0x1.dcc9b3fd9fec7p+11));
}

/* sin(pi x) for |x| <= 1/2. */
NBCY_INLINE real nbcy_sinpi(real x)
{
#ifdef NBCY_SCALAR
    return sin(NBCY_PI * x);
#else
    real core;
    nbcy_sine_cores(&core, &x, 1);
    return NBCY_SINE_SCALE * core * x;
#endif
}

/* sin(pi x) sin(pi y) sin(pi z) of n <= 2 points with |x|, |y|, |z| <= 1/2, up to a constant factor: ratios need no
   more. */
NBCY_INLINE void nbcy_sine_products(real *restrict product, const real *restrict xyz, const int n)
{
#ifdef NBCY_SCALAR
    for (int i = 0; i < n; i++)
        product[i] = nbcy_sinpi(xyz[3 * i]) * nbcy_sinpi(xyz[3 * i + 1]) * nbcy_sinpi(xyz[3 * i + 2]);
#else
    real core[6];
    nbcy_sine_cores(core, xyz, 3 * n);
    for (int i = 0; i < n; i++)
        product[i] = (core[3 * i] * core[3 * i + 1] * core[3 * i + 2]) * (xyz[3 * i] * xyz[3 * i + 1] * xyz[3 * i + 2]);
#endif
}

/* cos(pi x) for |x| <= 1/2, absolute error 1e-17 of the fit. */
NBCY_INLINE real nbcy_cospi(real x)
{
#ifdef NBCY_SCALAR
    return cos(NBCY_PI * x);
#else
    real t = x * x, p = nbcy_fma(nbcy_all(0x1.178b794e37d59p-18), t, nbcy_all(-0x1.b6a62fd870c84p-14));
    p = nbcy_fma(p, t, nbcy_all(0x1.f9d2bd7da366bp-10));
    p = nbcy_fma(p, t, nbcy_all(-0x1.a6d1f11ed2618p-6));
    p = nbcy_fma(p, t, nbcy_all(0x1.e1f50685fe4ecp-3));
    p = nbcy_fma(p, t, nbcy_all(-0x1.55d3c7e3c8d6dp+0));
    p = nbcy_fma(p, t, nbcy_all(0x1.03c1f081b5a9cp+2));
    p = nbcy_fma(p, t, nbcy_all(-0x1.3bd3cc9be45dep+2));
    return nbcy_fma(p, t, nbcy_all(1.0));
#endif
}

/* exp(x) for x <= 0, relative error 3e-18 of the fit; below -708 the result is 0. */
NBCY_INLINE real nbcy_exp_negative(real x)
{
#ifdef NBCY_SCALAR
    return x < -708.0 ? 0.0 : exp(x);
#else
    real y = nbcy_max(x, nbcy_all(-708.0));
    real shifted = y * 0x1.71547652b82fep+0 + NBCY_ROUNDER;
    real n = shifted - NBCY_ROUNDER;
    real r = y - n * 0x1.62e42fefa3800p-1;   /* ln 2 in two pieces: the first product is exact */
    r = r - n * 0x1.ef35793c76730p-45;
    real p = nbcy_fma(nbcy_all(0x1.ad6628b923664p-26), r, nbcy_all(0x1.28b311bbb5313p-22));
    p = nbcy_fma(p, r, nbcy_all(0x1.71df4518f4b4ap-19));
    p = nbcy_fma(p, r, nbcy_all(0x1.a01992d10d383p-16));
    p = nbcy_fma(p, r, nbcy_all(0x1.a01a01105aaf4p-13));
    p = nbcy_fma(p, r, nbcy_all(0x1.6c16c187810bap-10));
    p = nbcy_fma(p, r, nbcy_all(0x1.1111111130dcbp-7));
    p = nbcy_fma(p, r, nbcy_all(0x1.555555554f370p-5));
    p = nbcy_fma(p, r, nbcy_all(0x1.55555555554a2p-3));
    p = nbcy_fma(p, r, nbcy_all(0x1.0000000000010p-1));
    p = nbcy_fma(p, r, nbcy_all(1.0));
    p = nbcy_fma(p, r, nbcy_all(1.0));
    /* the low bits of the shifted number hold n in two's complement: added to the exponent */
#if NBCY_WIDTH > 1
    whole bits = nbcy_bits(p) + (nbcy_bits(shifted) << 52);
#else
    whole bits = (whole)((uint64_t)nbcy_bits(p) + ((uint64_t)nbcy_bits(shifted) << 52));
#endif
    return nbcy_if_less(x, nbcy_all(-708.0), nbcy_all(0.0), nbcy_from_bits(bits));
#endif
}

/* 3 (sin x - x cos x) / x^3 at x = pi y, y >= 0: the transform of a sphere.
   The series below x = 1, cut off at 4e-16, avoids the cancellation. */
NBCY_INLINE real nbcy_sphere(real y)
{
    real n = nbcy_rint(y), f = y - n;
    real x = NBCY_PI * y, t = x * x;
    real sign = 3.0 - 6.0 * nbcy_abs(n - 2.0 * nbcy_rint(0.5 * n));
    real direct = sign * (nbcy_sinpi(f) - x * nbcy_cospi(f))
                / (nbcy_max(x, nbcy_all(0.25)) * nbcy_max(t, nbcy_all(0.0625)));
    real series = 1.0 - t * (1 / 10.0) * (1.0 - t * (1 / 28.0) * (1.0 - t * (1 / 54.0) * (1.0 - t * (1 / 88.0)
                * (1.0 - t * (1 / 130.0) * (1.0 - t * (1 / 180.0) * (1.0 - t * (1 / 238.0)))))));
    return nbcy_if_less(t, nbcy_all(1.0), series, direct);
}

#endif
