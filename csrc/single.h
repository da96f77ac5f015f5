/* Single precision: h, k, l, their distances to the nodes and the fractions of N times these are doubles, what follows
   are floats, twice as many to a vector; sums are doubles. Square and gauss crystals, nearest structure factors;
   docs/speed.md states the error. Included by kernel_body.h. */

/* Floats of two vectors of doubles. */
typedef float nbcy_floats __attribute__((vector_size(8 * NBCY_WIDTH)));

#define NBCY_FLOAT_TINY 1e-12   /* three of them multiply to a normal float */

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
        p[i] = (t[i] - 7.713242785220536f) * t[i] + 32.87850513958414f;
    for (int i = 0; i < 3; i++)
        p[i] = p[i] * t[i] - 66.62820535388579f;
    for (int i = 0; i < 3; i++)
        p[i] = (p[i] * t[i] + 40.50511582787757f) * xyz[i];
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
    nbcy_floats p = 0.0001546144469856913f * r + 0.0013400428177615838f;
    p = p * r + 0.009618056678524637f;
    p = p * r + 0.05550327226670302f;
    p = p * r + 0.24022650922288757f;
    p = p * r + 0.6931472067028326f;
    return (p * r + 1.0f) * nbcy_narrow(power[0], power[1]);
}

/* As add_steps. */
NBCY_INLINE void add_steps_single(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const int shape, const int clamped,
                                  const int scaled)
{
    const double stride_k = (double)sc->grid_l, stride_h = (double)sc->grid_k * (double)sc->grid_l;
    const double *low = sc->index_low, *high = sc->index_high, *m = sc->metric;
    const double start = -(low[0] * stride_h + low[1] * stride_k + low[2]);
    const float volume = (float)(sc->cells[0] * sc->cells[1] * sc->cells[2]);
    const int n = scaled ? b->n_chunk : 1;
    for (int i = 0; i < b->vectors; i += 2) {
        real unscaled[2][3];
        for (int v = 0; v < 2; v++)
            for (int axis = 0; axis < 3; axis++)
                unscaled[v][axis] = cell[3 * axis] * b->qx[i + v] + cell[3 * axis + 1] * b->qy[i + v] + cell[3 * axis + 2] * b->qz[i + v];
        for (int j = 0; j < n; j++) {
            const double inverse_wavelength = b->inverse_wavelength[j];
            real offset[2][3], turns[2][3], exponent[2];
            for (int v = 0; v < 2; v++) {
                real node[3];
                for (int axis = 0; axis < 3; axis++) {
                    real h = unscaled[v][axis];
                    if (scaled)
                        h *= inverse_wavelength;
                    node[axis] = nbcy_ceil(h - 0.5);
                    offset[v][axis] = h - node[axis];
                }
                if (shape == NBCY_SQUARE) {
                    for (int axis = 0; axis < 3; axis++) {
                        offset[v][axis] = nbcy_abs_above(offset[v][axis], NBCY_FLOAT_TINY);
                        real u = sc->cells[axis] * offset[v][axis];
                        turns[v][axis] = u - nbcy_rint(u);
                    }
                } else {
                    const real *d = offset[v];
                    exponent[v] = (-1.0 / 0.63) * (m[0] * d[0] * d[0] + m[1] * d[1] * d[1] + m[2] * d[2] * d[2]
                                                   + 2.0 * m[3] * d[0] * d[1] + 2.0 * m[4] * d[0] * d[2] + 2.0 * m[5] * d[1] * d[2]);
                }
                for (int axis = 0; axis < 3 && clamped; axis++)
                    node[axis] = nbcy_min(nbcy_max(node[axis], nbcy_all(low[axis])), nbcy_all(high[axis]));
                nbcy_store_whole(b->reflection + v * NBCY_WIDTH, node[0] * stride_h + (node[1] * stride_k + (node[2] + start)));
            }
            nbcy_floats lattice;
            if (shape == NBCY_SQUARE) {
                nbcy_floats over[3], under[3];
                for (int axis = 0; axis < 3; axis++) {
                    over[axis] = nbcy_narrow(turns[0][axis], turns[1][axis]);
                    under[axis] = nbcy_narrow(offset[0][axis], offset[1][axis]);
                }
                lattice = nbcy_sine_product_floats(over) / nbcy_sine_product_floats(under);
            } else {
                lattice = volume * nbcy_exp_negative_floats(exponent[0], exponent[1]);
            }
            __asm__ volatile("" : "+m"(b->reflection));
            real first, second;
            nbcy_widen(lattice * nbcy_lookup_floats(sc->F_single, b->reflection), &first, &second);
            b->sum_orientations[j][i] += first * first;
            b->sum_orientations[j][i + 1] += second * second;
        }
    }
}

static void add_orientation_single(const nbcy_scene *sc, nbcy_block *b, const double *cell, int clamped)
{
    const int scaled = b->n_chunk > 1;
    if (sc->shape == NBCY_SQUARE && clamped)
        add_steps_single(sc, b, cell, NBCY_SQUARE, 1, 1);
    else if (sc->shape == NBCY_SQUARE && scaled)
        add_steps_single(sc, b, cell, NBCY_SQUARE, 0, 1);
    else if (sc->shape == NBCY_SQUARE)
        add_steps_single(sc, b, cell, NBCY_SQUARE, 0, 0);
    else
        add_steps_single(sc, b, cell, NBCY_GAUSS, 1, 1);
}
