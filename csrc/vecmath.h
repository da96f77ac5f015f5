/* The few functions of one variable that the kernel needs, branch-free so that loops over lanes vectorise.
   Polynomials are Remez fits made for nbcy; stated errors are those of the fit, rounding adds about one ulp
   (measured against mpmath in tests/test_vecmath.py). With NBCY_SCALAR they are libm's. */
#ifndef NBCY_VECMATH_H
#define NBCY_VECMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NBCY_INLINE static inline __attribute__((always_inline))

#define NBCY_PI 3.14159265358979323846

/* Adding this and taking it away rounds |x| < 2^51 to the nearest integer in any instruction set. */
#define NBCY_ROUNDER 6755399441055744.0

NBCY_INLINE double nbcy_rint(double x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_rint(x);
#else
    return (x + NBCY_ROUNDER) - NBCY_ROUNDER;
#endif
}

NBCY_INLINE double nbcy_ceil(double x)
{
#if defined(__SSE4_1__) || defined(__aarch64__)
    return __builtin_ceil(x);
#else
    double r = nbcy_rint(x);
    return r + (r < x ? 1.0 : 0.0);
#endif
}

/* A whole number 0 <= x < 2^51 as an integer, in lanes as wide as the double. */
NBCY_INLINE int64_t nbcy_whole(double x)
{
    double shifted = x + NBCY_ROUNDER;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits & 0x7ffffffffffff;
}

NBCY_INLINE double nbcy_max(double a, double b) { return a > b ? a : b; }
NBCY_INLINE double nbcy_min(double a, double b) { return a < b ? a : b; }

/* sin(pi x) for |x| <= 1/2, relative error 1.5e-16. */
NBCY_INLINE double nbcy_sinpi(double x)
{
#ifdef NBCY_SCALAR
    return sin(NBCY_PI * x);
#else
    double t = x * x, p = -0x1.6262645b679a0p-16;
    p = p * t + 0x1.e89cea026958fp-12;
    p = p * t - 0x1.e30623c334ed2p-8;
    p = p * t + 0x1.50783249cf2d2p-4;
    p = p * t - 0x1.32d2cce17d322p-1;
    p = p * t + 0x1.466bc67751058p+1;
    p = p * t - 0x1.4abbce625bd5ep+2;
    p = p * t + 0x1.921fb54442d17p+1;
    return p * x;
#endif
}

/* cos(pi x) for |x| <= 1/2, absolute error 1e-17 of the fit. */
NBCY_INLINE double nbcy_cospi(double x)
{
#ifdef NBCY_SCALAR
    return cos(NBCY_PI * x);
#else
    double t = x * x, p = 0x1.178b794e37d59p-18;
    p = p * t - 0x1.b6a62fd870c84p-14;
    p = p * t + 0x1.f9d2bd7da366bp-10;
    p = p * t - 0x1.a6d1f11ed2618p-6;
    p = p * t + 0x1.e1f50685fe4ecp-3;
    p = p * t - 0x1.55d3c7e3c8d6dp+0;
    p = p * t + 0x1.03c1f081b5a9cp+2;
    p = p * t - 0x1.3bd3cc9be45dep+2;
    return p * t + 1.0;
#endif
}

/* exp(x) for x <= 0, relative error 3e-18 of the fit; below -708 the result is 0. */
NBCY_INLINE double nbcy_exp_negative(double x)
{
#ifdef NBCY_SCALAR
    return exp(x);
#else
    double y = nbcy_max(x, -708.0);
    double shifted = y * 0x1.71547652b82fep+0 + NBCY_ROUNDER;
    double n = shifted - NBCY_ROUNDER;
    double r = y - n * 0x1.62e42fefa3800p-1;   /* ln 2 in two pieces: the first product is exact */
    r = r - n * 0x1.ef35793c76730p-45;
    double p = 0x1.ad6628b923664p-26;
    p = p * r + 0x1.28b311bbb5313p-22;
    p = p * r + 0x1.71df4518f4b4ap-19;
    p = p * r + 0x1.a01992d10d383p-16;
    p = p * r + 0x1.a01a01105aaf4p-13;
    p = p * r + 0x1.6c16c187810bap-10;
    p = p * r + 0x1.1111111130dcbp-7;
    p = p * r + 0x1.555555554f370p-5;
    p = p * r + 0x1.55555555554a2p-3;
    p = p * r + 0x1.0000000000010p-1;
    p = p * r + 1.0;
    p = p * r + 1.0;
    int64_t bits, exponent;
    memcpy(&exponent, &shifted, sizeof exponent);   /* its low bits hold n in two's complement */
    memcpy(&bits, &p, sizeof bits);
    bits += (int64_t)((uint64_t)exponent << 52);
    memcpy(&p, &bits, sizeof p);
    return x < -708.0 ? 0.0 : p;
#endif
}

/* 3 (sin x - x cos x) / x^3 at x = pi y, y >= 0: the transform of a sphere.
   The series below x = 1/2 avoids the cancellation; relative error 5e-15. */
NBCY_INLINE double nbcy_sphere(double y)
{
    double n = nbcy_rint(y), f = y - n;
    double x = NBCY_PI * y, t = x * x;
    double sign = 3.0 - 6.0 * __builtin_fabs(n - 2.0 * nbcy_rint(0.5 * n));
    double direct = sign * (nbcy_sinpi(f) - x * nbcy_cospi(f)) / (nbcy_max(x, 0.25) * nbcy_max(t, 0.0625));
    double series = 1.0 - t * (1 / 10.0) * (1.0 - t * (1 / 28.0) * (1.0 - t * (1 / 54.0) * (1.0 - t * (1 / 88.0)
                  * (1.0 - t * (1 / 130.0) * (1.0 - t * (1 / 180.0) * (1.0 - t * (1 / 238.0)))))));
    return t < 0.25 ? series : direct;
}

#endif
