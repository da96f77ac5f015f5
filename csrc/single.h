/* Single precision: h, k, l are doubles, what follows their distances to the nodes are floats, twice as many to a vector;
   sums are doubles. Square and gauss crystals, nearest structure factors; docs/speed.md states the error. Included by
   kernel_body.h. */

/* Floats of two vectors of doubles, and 32-bit words. */
typedef float nbcy_floats __attribute__((vector_size(8 * NBCY_WIDTH)));
typedef uint32_t nbcy_words __attribute__((vector_size(8 * NBCY_WIDTH)));
typedef int32_t nbcy_ints __attribute__((vector_size(8 * NBCY_WIDTH)));

#define NBCY_FLOAT_TINY 1e-12   /* three of them multiply to a normal float */

/* h to which this is added has its fraction in the low 32 bits, to 2^-33, and the node below in the high ones, if |h| is
   less than 2^19. */
#define NBCY_SPLITTER 0x1.8p20
#define NBCY_SPLITTER_WORD 0x41380000u

/* Words of two vectors come by turns, two of the first, two of the second: what one cheap shuffle makes. Sums that were
   added up in that order are put in theirs in the end. */
#if NBCY_WIDTH == 8
#define NBCY_LOW_WORDS 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define NBCY_HIGH_WORDS 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#define NBCY_FIRST_LANES 0, 1, 4, 5, 8, 9, 12, 13
#define NBCY_SECOND_LANES 2, 3, 6, 7, 10, 11, 14, 15
#elif NBCY_WIDTH == 4
#define NBCY_LOW_WORDS 0, 2, 8, 10, 4, 6, 12, 14
#define NBCY_HIGH_WORDS 1, 3, 9, 11, 5, 7, 13, 15
#define NBCY_FIRST_LANES 0, 1, 4, 5
#define NBCY_SECOND_LANES 2, 3, 6, 7
#else
#define NBCY_LOW_WORDS 0, 2, 4, 6
#define NBCY_HIGH_WORDS 1, 3, 5, 7
#define NBCY_FIRST_LANES 0, 1
#define NBCY_SECOND_LANES 2, 3
#endif

NBCY_INLINE nbcy_words nbcy_low_words(real a, real b)
{
    return NBCY_PICK(nbcy_words, (nbcy_words)a, (nbcy_words)b, NBCY_LOW_WORDS);
}

NBCY_INLINE nbcy_words nbcy_high_words(real a, real b)
{
    return NBCY_PICK(nbcy_words, (nbcy_words)a, (nbcy_words)b, NBCY_HIGH_WORDS);
}

/* Whether the sums of this scene are by turns. */
static int words_by_turns(const nbcy_scene *sc) { return sc->shape == NBCY_GAUSS || sc->few_cells; }

static void put_in_order(nbcy_block *b, int j)
{
    for (int i = 0; i < b->vectors; i += 2) {
        const real first = b->sum_orientations[j][i], second = b->sum_orientations[j][i + 1];
        b->sum_orientations[j][i] = NBCY_PICK(whole, first, second, NBCY_FIRST_LANES);
        b->sum_orientations[j][i + 1] = NBCY_PICK(whole, first, second, NBCY_SECOND_LANES);
    }
}

NBCY_INLINE nbcy_words nbcy_all_words(uint32_t x) { return x - (nbcy_words){0}; }

/* max(low, x), then at most high, as signed numbers: lists far away wrap */
NBCY_INLINE nbcy_words nbcy_clamp(nbcy_words x, nbcy_words low, nbcy_words high)
{
#if NBCY_WIDTH == 8
    return (nbcy_words)_mm512_min_epi32(_mm512_max_epi32((__m512i)x, (__m512i)low), (__m512i)high);
#elif NBCY_WIDTH == 4
    return (nbcy_words)_mm256_min_epi32(_mm256_max_epi32((__m256i)x, (__m256i)low), (__m256i)high);
#elif defined(__aarch64__)
    return (nbcy_words)vminq_s32(vmaxq_s32((int32x4_t)x, (int32x4_t)low), (int32x4_t)high);
#else
    const nbcy_words below = (nbcy_words)((nbcy_ints)x < (nbcy_ints)low), raised = (x & ~below) | (low & below);
    const nbcy_words above = (nbcy_words)((nbcy_ints)raised > (nbcy_ints)high);
    return (raised & ~above) | (high & above);
#endif
}

NBCY_INLINE nbcy_floats nbcy_all_floats(float x) { return x - (nbcy_floats){0}; }

NBCY_INLINE nbcy_floats nbcy_fma_floats(nbcy_floats a, nbcy_floats b, nbcy_floats c)
{
#if NBCY_WIDTH == 8
    return (nbcy_floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif NBCY_WIDTH == 4
    return (nbcy_floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (nbcy_floats)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
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
#elif defined(__aarch64__)
    return (nbcy_floats)vcombine_f32(vcvt_f32_f64((float64x2_t)low), vcvt_f32_f64((float64x2_t)high));
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
#elif defined(__aarch64__)
    *low = (real)vcvt_f64_f32(vget_low_f32((float32x4_t)x));
    *high = (real)vcvt_high_f64_f32((float32x4_t)x);
#else
    *low = (real){x[0], x[1]};
    *high = (real){x[2], x[3]};
#endif
}

/* table[at[0]], table[at[stride]], ... */
NBCY_INLINE nbcy_floats nbcy_lookup_floats(const float *table, const uint32_t *at, const int stride)
{
#define NBCY_FOUR(n) table[at[(n) * stride]], table[at[((n) + 1) * stride]], table[at[((n) + 2) * stride]], table[at[((n) + 3) * stride]]
#if NBCY_WIDTH == 8
    return (nbcy_floats){NBCY_FOUR(0), NBCY_FOUR(4), NBCY_FOUR(8), NBCY_FOUR(12)};
#elif NBCY_WIDTH == 4
    return (nbcy_floats){NBCY_FOUR(0), NBCY_FOUR(4)};
#else
    return (nbcy_floats){NBCY_FOUR(0)};
#endif
#undef NBCY_FOUR
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

/* The whole numbers nearest to split ones of two vectors, plus NBCY_SPLITTER_WORD. What is left are the low words, as
   signed integers: from -1/2 to below 1/2, in units of 2^-32. */
NBCY_INLINE nbcy_words nodes_of(real low, real high)
{
    return nbcy_high_words(low, high) - (nbcy_words)((nbcy_ints)nbcy_low_words(low, high) >> 31);
}

/* In units of 1, plus something tiny. */
NBCY_INLINE nbcy_floats nbcy_turns(nbcy_words fraction, nbcy_floats tiny)
{
    return nbcy_fma_floats(__builtin_convertvector((nbcy_ints)fraction, nbcy_floats), nbcy_all_floats(0x1p-32f), tiny);
}

/* exp2(x), x <= 0, of two vectors of split numbers: 0 up to -127, then less than 2^-125 up to -126. The fit has the
   relative error 3e-9. */
NBCY_INLINE nbcy_floats nbcy_exp2_negative_floats(real low, real high)
{
    low = nbcy_max(low, nbcy_all(NBCY_SPLITTER - 127.0));
    high = nbcy_max(high, nbcy_all(NBCY_SPLITTER - 127.0));
    nbcy_floats r = nbcy_turns(nbcy_low_words(low, high), nbcy_all_floats(0.0f));
    nbcy_floats p = nbcy_fma_floats(nbcy_all_floats(0.0001546144469856913f), r, nbcy_all_floats(0.0013400428177615838f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.009618056678524637f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.05550327226670302f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.24022650922288757f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(0.6931472067028326f));
    p = nbcy_fma_floats(p, r, nbcy_all_floats(1.0f));
    /* added to the exponent; the splitter's word is shifted out */
    return (nbcy_floats)((nbcy_words)p + (nodes_of(low, high) << 23));
}

/* The lattice factors of two vectors of square crystals from the distances to the nearest nodes. */
NBCY_INLINE nbcy_floats square_lattice_single(const nbcy_scene *sc, real *distance)
{
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

/* As rho_at, split, times what makes a gauss crystal's lattice factor exp2(...), which metric has in it. */
NBCY_INLINE real split_exponent(const double *metric, const int skew, const real *d)
{
    real h = metric[0] * d[0], k = metric[1] * d[1], l = metric[2] * d[2];
    if (skew) {
        h = nbcy_fma(nbcy_all(2.0 * metric[3]), d[1], nbcy_fma(nbcy_all(2.0 * metric[4]), d[2], h));
        k = nbcy_fma(nbcy_all(2.0 * metric[5]), d[2], k);
    }
    return nbcy_fma(h, d[0], nbcy_fma(k, d[1], nbcy_fma(l, d[2], nbcy_all(NBCY_SPLITTER))));
}

/* What a chunk's scattering vectors and a cell make of h, k, l, but for the wavelengths: of two vectors of lanes. */
NBCY_INLINE void project(const nbcy_block *b, const double *cell, int i, real *unscaled)
{
    for (int v = 0; v < 6; v++) {
        const double *a = cell + 3 * (v % 3);
        const int at = i + v / 3;
        unscaled[v] = nbcy_fma(nbcy_all(a[0]), b->qx[at], nbcy_fma(nbcy_all(a[1]), b->qy[at], a[2] * b->qz[at]));
    }
}

NBCY_INLINE void add_squares(nbcy_block *b, int j, int i, nbcy_floats amplitude)
{
    real *sum = b->sum_orientations[j] + i, first, second;
    nbcy_widen(amplitude, &first, &second);
    sum[0] = nbcy_fma(first, first, sum[0]);
    sum[1] = nbcy_fma(second, second, sum[1]);
}

/* As add_steps, but in units of the largest amplitude where the crystal is gauss, and of the largest F in any case:
   square_of_unit makes up for it. */
NBCY_INLINE void add_steps_single(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const enum place place,
                                  const int scaled, const int shape, const int skew)
{
    const nbcy_grid grid = grid_of(sc);
    const float default_F = (float)(sc->default_F / sc->largest_F);
    const int sources = scaled ? b->n_chunk : 1;
    double metric[6];
    for (int m = 0; m < 6; m++)
        metric[m] = sc->metric[m] * (-1.4426950408889634 / 0.63);
    for (int i = 0; i < b->vectors; i += 2) {
        real unscaled[6], node[6], distance[6];
        project(b, cell, i, unscaled);
        for (int j = 0; j < sources; j++) {
            const real scale = nbcy_all(b->inverse_wavelength[j]);
            uint32_t at[4 * NBCY_WIDTH];
            for (int v = 0; v < 6; v++)
                node[v] = nbcy_ceil(scaled ? nbcy_fma(unscaled[v], scale, nbcy_all(-0.5)) : unscaled[v] - 0.5);
            for (int v = 0; v < 6; v++)
                distance[v] = scaled ? nbcy_fma(unscaled[v], scale, -node[v]) : unscaled[v] - node[v];
            nbcy_floats F = nbcy_all_floats(default_F), lattice;
            if (place != OUTSIDE) {
                const real first = index_in_grid(&grid, node, place), second = index_in_grid(&grid, node + 3, place);
                const nbcy_words by_turns = nbcy_low_words(first, second);
                if (shape == NBCY_GAUSS) {
                    memcpy(at, &by_turns, sizeof by_turns);
                } else {
                    memcpy(at, &first, sizeof first);
                    memcpy(at + 2 * NBCY_WIDTH, &second, sizeof second);
                }
            }
            if (shape == NBCY_GAUSS)
                lattice = nbcy_exp2_negative_floats(split_exponent(metric, skew, distance), split_exponent(metric, skew, distance + 3));
            else
                lattice = square_lattice_single(sc, distance);
            if (place != OUTSIDE) {
                __asm__ volatile("" : "+m"(at));
                F = nbcy_lookup_floats(sc->F_single, at, shape == NBCY_GAUSS ? 1 : 2);
            }
            add_squares(b, j, i, lattice * F);
        }
    }
}

/* The same for square crystals of so few cells that the fractions of h, k, l may be 32-bit integers: times N they wrap to
   the fractions of N h. */
NBCY_INLINE void add_steps_of_few_cells(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const enum place place,
                                        const int scaled)
{
    const float default_F = (float)(sc->default_F / sc->largest_F);
    const int sources = scaled ? b->n_chunk : 1;
    /* -h is split, so that what is half-way belongs to the lower node: nodes come negative */
    const uint32_t stride_h = (uint32_t)(sc->grid_k * sc->grid_l), stride_k = (uint32_t)sc->grid_l;
    uint32_t low[3], high[3];
    nbcy_words cells[3];
    nbcy_floats tiny[3];
    for (int axis = 0; axis < 3; axis++) {
        cells[axis] = nbcy_all_words((uint32_t)sc->cells[axis]);
        tiny[axis] = nbcy_all_floats((float)(sc->cells[axis] * NBCY_FLOAT_TINY));
        low[axis] = NBCY_SPLITTER_WORD - (uint32_t)(int64_t)sc->index_high[axis];
        high[axis] = NBCY_SPLITTER_WORD - (uint32_t)(int64_t)sc->index_low[axis];
    }
    const uint32_t start = high[0] * stride_h + high[1] * stride_k + high[2];
    for (int i = 0; i < b->vectors; i += 2) {
        real unscaled[6], split[6];
        project(b, cell, i, unscaled);
        for (int v = 0; v < 6; v++)
            unscaled[v] = -unscaled[v];
        for (int j = 0; j < sources; j++) {
            const real scale = nbcy_all(b->inverse_wavelength[j]);
            nbcy_words node[3];
            nbcy_floats over[3], under[3], F = nbcy_all_floats(default_F);
            uint32_t at[2 * NBCY_WIDTH];
            for (int v = 0; v < 6; v++)
                split[v] = scaled ? nbcy_fma(unscaled[v], scale, nbcy_all(NBCY_SPLITTER)) : unscaled[v] + NBCY_SPLITTER;
            for (int axis = 0; axis < 3 && place != OUTSIDE; axis++) {
                node[axis] = nodes_of(split[axis], split[3 + axis]);
                if (place == ASTRIDE)
                    node[axis] = nbcy_clamp(node[axis], nbcy_all_words(low[axis]), nbcy_all_words(high[axis]));
            }
            if (place != OUTSIDE) {
                const nbcy_words index = start - node[0] * stride_h - node[1] * stride_k - node[2];
                memcpy(at, &index, sizeof at);
            }
            for (int axis = 0; axis < 3; axis++) {
                const nbcy_words fraction = nbcy_low_words(split[axis], split[3 + axis]);
                under[axis] = nbcy_turns(fraction, nbcy_all_floats((float)NBCY_FLOAT_TINY));
                over[axis] = nbcy_turns(fraction * cells[axis], tiny[axis]);
            }
            const nbcy_floats lattice = nbcy_sine_product_floats(over) / nbcy_sine_product_floats(under);
            if (place != OUTSIDE) {
                __asm__ volatile("" : "+m"(at));
                F = nbcy_lookup_floats(sc->F_single, at, 1);
            }
            add_squares(b, j, i, lattice * F);
        }
    }
}

static void add_orientation_single(const nbcy_scene *sc, nbcy_block *b, const double *cell, enum place place)
{
    if (sc->shape == NBCY_GAUSS && sc->skew)
        NBCY_SPECIALISED(add_steps_single, place, NBCY_GAUSS, 1)
    else if (sc->shape == NBCY_GAUSS)
        NBCY_SPECIALISED(add_steps_single, place, NBCY_GAUSS, 0)
    else if (sc->few_cells)
        NBCY_SPECIALISED(add_steps_of_few_cells, place)
    else
        NBCY_SPECIALISED(add_steps_single, place, NBCY_SQUARE, 0)
}
