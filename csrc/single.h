/* Single precision: h, k, l, their distances to the nodes and the fractions of N times these are doubles, what follows
   are floats, twice as many to a vector; sums are doubles. Square and gauss crystals, nearest structure factors;
   docs/speed.md states the error. Included by kernel_body.h. */

/* Floats of two vectors of doubles. */
typedef float nbcy_floats __attribute__((vector_size(8 * NBCY_WIDTH)));

#define NBCY_FLOAT_TINY 1e-12   /* three of them multiply to a normal float */

NBCY_INLINE nbcy_floats nbcy_all_floats(float x) { return x - (nbcy_floats){0}; }

NBCY_INLINE nbcy_floats nbcy_fma_floats(nbcy_floats a, nbcy_floats b, nbcy_floats c)
{
#if NBCY_WIDTH == 8
    return (nbcy_floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif NBCY_WIDTH == 4
    return (nbcy_floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

NBCY_INLINE nbcy_floats nbcy_narrow(real low, real high)
{
#if NBCY_WIDTH == 8
    return (nbcy_floats)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
#elif NBCY_WIDTH == 4
    return (nbcy_floats)_mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
#else
    return (nbcy_floats){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
#endif
}

NBCY_INLINE void nbcy_widen(nbcy_floats x, real *low, real *high)
{
#if NBCY_WIDTH == 8
    *low = (real)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x));
    *high = (real)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1));
#elif NBCY_WIDTH == 4
    *low = (real)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x));
    *high = (real)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1));
#else
    *low = (real){x[0], x[1]};
    *high = (real){x[2], x[3]};
#endif
}

NBCY_INLINE nbcy_floats nbcy_lookup_floats(const float *table, const int64_t *at)
{
    nbcy_floats x;
#if NBCY_WIDTH == 8
    x = (nbcy_floats){table[at[0]], table[at[1]], table[at[2]], table[at[3]], table[at[4]], table[at[5]], table[at[6]], table[at[7]],
                      table[at[8]], table[at[9]], table[at[10]], table[at[11]], table[at[12]], table[at[13]], table[at[14]], table[at[15]]};
#elif NBCY_WIDTH == 4
    x = (nbcy_floats){table[at[0]], table[at[1]], table[at[2]], table[at[3]], table[at[4]], table[at[5]], table[at[6]], table[at[7]]};
#else
    x = (nbcy_floats){table[at[0]], table[at[1]], table[at[2]], table[at[3]]};
#endif
    return x;
}

/* sin(pi x) sin(pi y) sin(pi z), |x|, |y|, |z| <= 1/2, up to a constant factor; each fit has the relative error 5e-9. */
NBCY_INLINE nbcy_floats nbcy_sine_product_floats(const nbcy_floats *xyz)
{
    nbcy_floats t[3], p[3];
    for (int i = 0; i < 3; i++)
        t[i] = xyz[i] * xyz[i];
    for (int i = 0; i < 3; i++)
        p[i] = nbcy_fma_floats(t[i] - 7.713242785220536f, t[i], nbcy_all_floats(32.87850513958414f));
    for (int i = 0; i < 3; i++)
        p[i] = nbcy_fma_floats(p[i], t[i], nbcy_all_floats(-66.62820535388579f));
    for (int i = 0; i < 3; i++)
        p[i] = nbcy_fma_floats(p[i], t[i], nbcy_all_floats(40.50511582787757f)) * xyz[i];
    return p[0] * p[1] * p[2];
}

/* exp(x), x <= 0, of two vectors; 0 where its square is below all floats. The fit has the relative error 3e-9. */
NBCY_INLINE nbcy_floats nbcy_exp_negative_floats(real low, real high)
{
    real x[2] = {low, high}, n[2], rest[2], power[2];
    for (int v = 0; v < 2; v++) {
        real y = nbcy_max(x[v] * 0x1.71547652b82fep+0, nbcy_all(-126.0)), shifted = y + NBCY_ROUNDER;
        n[v] = shifted - NBCY_ROUNDER;
        rest[v] = y - n[v];
        power[v] = nbcy_from_bits(nbcy_bits(nbcy_all(1.0)) + (nbcy_bits(shifted) << 52));
        power[v] = nbcy_if_less(n[v], nbcy_all(-125.5), nbcy_all(0.0), power[v]);
    }
    nbcy_floats r = nbcy_narrow(rest[0], rest[1]);
    nbcy_floats p = nbcy_fma_floats(nbcy_all_floats(0.0001546144469856913f), r, nbcy_all_floats(0.0013400428177615838f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.009618056678524637f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.05550327226670302f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.24022650922288757f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.6931472067028326f));
    return nbcy_fma_floats(p, r, nbcy_all_floats(1.0f)) * nbcy_narrow(power[0], power[1]);
}

/* The lattice factors of two vectors of distances h, k, l to the nearest nodes; gauss: over the number of cells. */
NBCY_INLINE nbcy_floats lattice_factors_single(const nbcy_scene *sc, real *distance, const int shape)
{
    if (shape == NBCY_SQUARE) {
        real turns[6];
        nbcy_floats over[3], under[3];
        for (int i = 0; i < 6; i++)
            distance[i] = nbcy_abs_above(distance[i], NBCY_FLOAT_TINY);
        for (int i = 0; i < 6; i++)
            turns[i] = nbcy_rint(sc->cells[i % 3] * distance[i]);
        for (int i = 0; i < 6; i++)
            turns[i] = nbcy_fma(nbcy_all(sc->cells[i % 3]), distance[i], -turns[i]);
        for (int axis = 0; axis < 3; axis++) {
            over[axis] = nbcy_narrow(turns[axis], turns[3 + axis]);
            under[axis] = nbcy_narrow(distance[axis], distance[3 + axis]);
        }
        return nbcy_sine_product_floats(over) / nbcy_sine_product_floats(under);
    }
    return nbcy_exp_negative_floats((-1.0 / 0.63) * rho_at(sc, distance), (-1.0 / 0.63) * rho_at(sc, distance + 3));
}

/* As add_steps, but in units of the largest amplitude where the crystal is gauss, and of the largest F in any case:
   square_of_unit makes up for it. Here additions are what there is most of, so that multiply-adds take some over. */
NBCY_INLINE void add_steps_single(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const int shape,
                                  const enum place place, const int scaled)
{
    const nbcy_grid grid = grid_of(sc);
    const float default_F = (float)(sc->default_F / sc->largest_F);
    const int sources = scaled ? b->n_chunk : 1;
    for (int i = 0; i < b->vectors; i += 2) {
        real unscaled[6], node[6], distance[6];
        for (int v = 0; v < 6; v++) {
            const double *a = cell + 3 * (v % 3);
            const int at = i + v / 3;
            unscaled[v] = nbcy_fma(nbcy_all(a[0]), b->qx[at], nbcy_fma(nbcy_all(a[1]), b->qy[at], a[2] * b->qz[at]));
        }
        for (int j = 0; j < sources; j++) {
            const real scale = nbcy_all(b->inverse_wavelength[j]);
            int64_t at[2 * NBCY_WIDTH];
            for (int v = 0; v < 6; v++)
                node[v] = nbcy_ceil(scaled ? nbcy_fma(unscaled[v], scale, nbcy_all(-0.5)) : unscaled[v] - 0.5);
            for (int v = 0; v < 6; v++)
                distance[v] = scaled ? nbcy_fma(unscaled[v], scale, -node[v]) : unscaled[v] - node[v];
            nbcy_floats F = nbcy_all_floats(default_F), lattice;
            for (int v = 0; v < 2 && place != OUTSIDE; v++)
                find_in_grid(&grid, node + 3 * v, place, at + v * NBCY_WIDTH);
            lattice = lattice_factors_single(sc, distance, shape);
            if (place != OUTSIDE) {
                __asm__ volatile("" : "+m"(at));
                F = nbcy_lookup_floats(sc->F_single, at);
            }
            real *sum = b->sum_orientations[j] + i, first, second;
            nbcy_widen(lattice * F, &first, &second);
            sum[0] = nbcy_fma(first, first, sum[0]);
            sum[1] = nbcy_fma(second, second, sum[1]);
        }
    }
}

static void add_orientation_single(const nbcy_scene *sc, nbcy_block *b, const double *cell, enum place place)
{
    if (sc->shape == NBCY_SQUARE)
        NBCY_SPECIALISED(add_steps_single, NBCY_SQUARE, place)
    else
        NBCY_SPECIALISED(add_steps_single, NBCY_GAUSS, place)
}
