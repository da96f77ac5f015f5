/* A vector of doubles as wide as the instruction set has it, and the few operations on it that C has no operator
   for. Traces and the scalar build have one lane. */
#ifndef NBCY_LANES_H
#define NBCY_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NBCY_INLINE static inline __attribute__((always_inline))

/* Adding this and taking it away rounds |x| < 2^51 to the nearest integer in any instruction set; a whole number
   0 <= x < 2^51 to which it was added stands in the low bits. */
#define NBCY_ROUNDER 6755399441055744.0
#define NBCY_WHOLE_BITS 0x7ffffffffffff

#if defined(NBCY_SCALAR) || defined(NBCY_TRACING)

#define NBCY_WIDTH 1
typedef double real;
typedef int64_t whole;

NBCY_INLINE real nbcy_rint(real x) { return (x + NBCY_ROUNDER) - NBCY_ROUNDER; }
NBCY_INLINE real nbcy_max(real a, real b) { return a > b ? a : b; }
NBCY_INLINE real nbcy_min(real a, real b) { return a < b ? a : b; }
NBCY_INLINE real nbcy_abs(real x) { return __builtin_fabs(x); }
NBCY_INLINE real nbcy_sqrt(real x) { return __builtin_sqrt(x); }
/* a < b ? x : y */
NBCY_INLINE real nbcy_if_less(real a, real b, real x, real y) { return a < b ? x : y; }
NBCY_INLINE real nbcy_all(double x) { return x; }

#elif defined(__AVX512F__)

#include <immintrin.h>
#define NBCY_WIDTH 8
typedef double real __attribute__((vector_size(64)));
typedef int64_t whole __attribute__((vector_size(64)));

NBCY_INLINE real nbcy_rint(real x) { return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
NBCY_INLINE real nbcy_ceil(real x) { return _mm512_roundscale_pd(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
NBCY_INLINE real nbcy_max(real a, real b) { return _mm512_max_pd(a, b); }
NBCY_INLINE real nbcy_min(real a, real b) { return _mm512_min_pd(a, b); }
NBCY_INLINE real nbcy_abs(real x) { return _mm512_abs_pd(x); }
NBCY_INLINE real nbcy_sqrt(real x) { return _mm512_sqrt_pd(x); }
NBCY_INLINE real nbcy_if_less(real a, real b, real x, real y)
{
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_LT_OQ), y, x);
}
NBCY_INLINE real nbcy_all(double x) { return _mm512_set1_pd(x); }
NBCY_INLINE real nbcy_fma(real a, real b, real c) { return _mm512_fmadd_pd(a, b, c); }
/* max(|x|, floor) in one instruction */
#define nbcy_abs_above(x, floor) _mm512_range_pd(x, _mm512_set1_pd(floor), 11)

#elif defined(__AVX2__)

#include <immintrin.h>
#define NBCY_WIDTH 4
typedef double real __attribute__((vector_size(32)));
typedef int64_t whole __attribute__((vector_size(32)));

NBCY_INLINE real nbcy_rint(real x) { return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
NBCY_INLINE real nbcy_ceil(real x) { return _mm256_round_pd(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
NBCY_INLINE real nbcy_max(real a, real b) { return _mm256_max_pd(a, b); }
NBCY_INLINE real nbcy_min(real a, real b) { return _mm256_min_pd(a, b); }
NBCY_INLINE real nbcy_abs(real x) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), x); }
NBCY_INLINE real nbcy_sqrt(real x) { return _mm256_sqrt_pd(x); }
NBCY_INLINE real nbcy_if_less(real a, real b, real x, real y)
{
    return _mm256_blendv_pd(y, x, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
}
NBCY_INLINE real nbcy_all(double x) { return _mm256_set1_pd(x); }
NBCY_INLINE real nbcy_fma(real a, real b, real c) { return _mm256_fmadd_pd(a, b, c); }

#elif defined(__aarch64__)

#include <arm_neon.h>
#define NBCY_WIDTH 2
typedef double real __attribute__((vector_size(16)));
typedef int64_t whole __attribute__((vector_size(16)));

NBCY_INLINE real nbcy_rint(real x) { return (real)vrndnq_f64((float64x2_t)x); }
NBCY_INLINE real nbcy_ceil(real x) { return (real)vrndpq_f64((float64x2_t)x); }
NBCY_INLINE real nbcy_max(real a, real b) { return (real)vmaxq_f64((float64x2_t)a, (float64x2_t)b); }
NBCY_INLINE real nbcy_min(real a, real b) { return (real)vminq_f64((float64x2_t)a, (float64x2_t)b); }
NBCY_INLINE real nbcy_abs(real x) { return (real)vabsq_f64((float64x2_t)x); }
NBCY_INLINE real nbcy_sqrt(real x) { return (real)vsqrtq_f64((float64x2_t)x); }
NBCY_INLINE real nbcy_if_less(real a, real b, real x, real y)
{
    return (real)vbslq_f64(vcltq_f64((float64x2_t)a, (float64x2_t)b), (float64x2_t)x, (float64x2_t)y);
}
NBCY_INLINE real nbcy_all(double x) { return (real)vdupq_n_f64(x); }
NBCY_INLINE real nbcy_fma(real a, real b, real c) { return (real)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }

#else   /* two lanes, as most 64-bit processors have */

#define NBCY_WIDTH 2
typedef double real __attribute__((vector_size(16)));
typedef int64_t whole __attribute__((vector_size(16)));

NBCY_INLINE real nbcy_if_less(real a, real b, real x, real y)
{
    whole mask = a < b;
    return (real)(((whole)x & mask) | ((whole)y & ~mask));
}
NBCY_INLINE real nbcy_rint(real x) { return (x + NBCY_ROUNDER) - NBCY_ROUNDER; }
NBCY_INLINE real nbcy_max(real a, real b) { return nbcy_if_less(b, a, a, b); }
NBCY_INLINE real nbcy_min(real a, real b) { return nbcy_if_less(a, b, a, b); }
NBCY_INLINE real nbcy_abs(real x) { return (real)((whole)x & INT64_MAX); }
NBCY_INLINE real nbcy_sqrt(real x) { return (real){__builtin_sqrt(x[0]), __builtin_sqrt(x[1])}; }
NBCY_INLINE real nbcy_all(double x) { return (real){x, x}; }

#endif

/* nbcy_fma: a b + c, in one rounding where the processor has that. Nothing else is contracted: in double precision h, k
   and l are the same to the last bit in every build. */
#if NBCY_WIDTH == 1 || !(defined(__AVX2__) || defined(__aarch64__))
#if NBCY_WIDTH == 2 && defined(__FP_FAST_FMA)
NBCY_INLINE real nbcy_fma(real a, real b, real c)
{
    return (real){__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1])};
}
#else
NBCY_INLINE real nbcy_fma(real a, real b, real c) { return a * b + c; }
#endif
NBCY_INLINE real nbcy_ceil(real x)
{
    real nearest = nbcy_rint(x);
    return nearest + nbcy_if_less(nearest, x, nbcy_all(1.0), nbcy_all(0.0));
}
#endif
#ifndef nbcy_abs_above
NBCY_INLINE real nbcy_abs_above(real x, double floor) { return nbcy_max(nbcy_abs(x), nbcy_all(floor)); }
#endif

NBCY_INLINE real nbcy_load(const double *p)
{
    real x;
    memcpy(&x, p, sizeof x);
    return x;
}

NBCY_INLINE void nbcy_store(double *p, real x) { memcpy(p, &x, sizeof x); }

NBCY_INLINE whole nbcy_bits(real x)
{
    whole bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

NBCY_INLINE real nbcy_from_bits(whole bits)
{
    real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Whole numbers 0 <= x < 2^51, to which NBCY_ROUNDER was added, as integers. */
NBCY_INLINE void nbcy_store_whole(int64_t *p, real x)
{
    whole bits = nbcy_bits(x);
    bits &= NBCY_WHOLE_BITS;
    memcpy(p, &bits, sizeof bits);
}

/* table[at[0]], table[at[1]], ...: gather instructions are slower on some processors and faster on none. */
NBCY_INLINE real nbcy_lookup(const double *table, const int64_t *at)
{
#if NBCY_WIDTH == 8
    return (real){table[at[0]], table[at[1]], table[at[2]], table[at[3]], table[at[4]], table[at[5]], table[at[6]], table[at[7]]};
#elif NBCY_WIDTH == 4
    return (real){table[at[0]], table[at[1]], table[at[2]], table[at[3]]};
#elif NBCY_WIDTH == 2
    return (real){table[at[0]], table[at[1]]};
#else
    return table[at[0]];
#endif
}

/* Bit n: whether lane n of x is below that of the limit. */
NBCY_INLINE unsigned nbcy_below(real x, real limit)
{
#if NBCY_WIDTH == 8
    return _mm512_cmp_pd_mask(x, limit, _CMP_LT_OQ);
#elif NBCY_WIDTH == 4
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(x, limit, _CMP_LT_OQ));
#elif NBCY_WIDTH == 2
    return (unsigned)(x[0] < limit[0]) | (unsigned)(x[1] < limit[1]) << 1;
#else
    return x < limit;
#endif
}

/* Those elements of two vectors, counted through both; whole_type: an integer vector of as many elements. */
#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#define NBCY_PICK(whole_type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#ifndef NBCY_PICK   /* gcc before 12 */
#define NBCY_PICK(whole_type, a, b, ...) __builtin_shuffle(a, b, (whole_type){__VA_ARGS__})
#endif

/* The sum of all lanes. */
NBCY_INLINE double nbcy_total(real x)
{
    double lane[NBCY_WIDTH], total = 0.0;
    memcpy(lane, &x, sizeof lane);
    for (int i = 0; i < NBCY_WIDTH; i++)
        total += lane[i];
    return total;
}

#endif
