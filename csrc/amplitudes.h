/* Structure factors out of the padded grid, nearest or interpolated, and F L at places in reciprocal space (physics 7.3 to 7.5). */

/* Where the reflections nearest to a block lie: seen from the box of the padded grid. */
enum place { INSIDE, ASTRIDE, OUTSIDE };

/* Four neighbours along l, in as few registers as the build has for them. */
#define NBCY_ROW (NBCY_WIDTH < 4 ? NBCY_WIDTH : 4)
typedef double nbcy_row __attribute__((vector_size(8 * NBCY_ROW)));

NBCY_INLINE nbcy_row fma_row(double weight, nbcy_row row, nbcy_row sum)
{
#if NBCY_ROW == 4
    return _mm256_fmadd_pd(_mm256_set1_pd(weight), row, sum);
#elif NBCY_ROW == 2
    return nbcy_fma(nbcy_all(weight), row, sum);
#else
    return weight * row + sum;
#endif
}

/* Tricubic Lagrange over floor - 1 ... floor + 2 of each axis; the nearest reflection's where its box does not hold all of it. */
static real interpolated_F(const nbcy_scene *sc, real h, real k, real l, const int64_t *nearest)
{
    const real at[3] = {h, k, l};
    double weight[3][4][NBCY_WIDTH], first[3][NBCY_WIDTH], value[NBCY_WIDTH];
    for (int axis = 0; axis < 3; axis++) {
        real whole = nbcy_ceil(at[axis]);
        whole -= nbcy_if_less(at[axis], whole, nbcy_all(1.0), nbcy_all(0.0));
        real x = at[axis] - whole;
        nbcy_store(first[axis], whole - (1.0 + sc->index_low[axis]));
        nbcy_store(weight[axis][0], -x * (x - 1.0) * (x - 2.0) / 6.0);
        nbcy_store(weight[axis][1], (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0);
        nbcy_store(weight[axis][2], -(x + 1.0) * x * (x - 2.0) / 2.0);
        nbcy_store(weight[axis][3], (x + 1.0) * x * (x - 1.0) / 6.0);
    }
    const double extent[3] = {sc->index_high[0] - sc->index_low[0], sc->index_high[1] - sc->index_low[1],
                              sc->index_high[2] - sc->index_low[2]};
    for (int lane = 0; lane < NBCY_WIDTH; lane++) {
        int inside = 1;
        for (int axis = 0; axis < 3; axis++)   /* the list starts one inside the padding */
            inside &= first[axis][lane] > 0.0 && first[axis][lane] + 3.0 < extent[axis];
        value[lane] = sc->F[nearest[lane]];
        if (!inside)
            continue;
        const double *corner = sc->F + ((int64_t)first[0][lane] * sc->grid_k + (int64_t)first[1][lane]) * sc->grid_l
                             + (int64_t)first[2][lane];
        nbcy_row sum[4 / NBCY_ROW] = {0};
        for (int i = 0; i < 4; i++, corner += sc->grid_k * sc->grid_l) {
            for (int m = 0; m < 4 / NBCY_ROW; m++) {
                nbcy_row plane = {0};
                for (int j = 0; j < 4; j++) {
                    nbcy_row row;
                    memcpy(&row, corner + j * sc->grid_l + m * NBCY_ROW, sizeof row);
                    plane = fma_row(weight[1][j][lane], row, plane);
                }
                sum[m] = fma_row(weight[0][i][lane], plane, sum[m]);
            }
        }
        value[lane] = 0.0;
        for (int m = 0; m < 4; m++)
            value[lane] += weight[2][m][lane] * sum[m / NBCY_ROW][m % NBCY_ROW];
    }
    return nbcy_load(value);
}

/* How a node finds its place in the padded grid; on the stack, where the compiler sees that nothing changes it. */
typedef struct {
    double low[3], high[3], stride_h, stride_k, start;   /* start: for NBCY_ROUNDER plus an index */
} nbcy_grid;

NBCY_INLINE nbcy_grid grid_of(const nbcy_scene *sc)
{
    const double *low = sc->index_low, *high = sc->index_high;
    nbcy_grid grid = {{low[0], low[1], low[2]}, {high[0], high[1], high[2]}, (double)sc->grid_k * (double)sc->grid_l, (double)sc->grid_l, 0.0};
    grid.start = NBCY_ROUNDER - (low[0] * grid.stride_h + low[1] * grid.stride_k + low[2]);
    return grid;
}

/* Where a node's structure factor is, plus NBCY_ROUNDER. Astride: it may lie outside the grid, whose outermost layer then
   answers for it. */
NBCY_INLINE real index_in_grid(const nbcy_grid *grid, const real *node, const enum place place)
{
    real inside[3];
    for (int axis = 0; axis < 3; axis++)
        inside[axis] = place == ASTRIDE ? nbcy_min(nbcy_max(node[axis], nbcy_all(grid->low[axis])), nbcy_all(grid->high[axis])) : node[axis];
    return nbcy_fma(inside[0], nbcy_all(grid->stride_h), nbcy_fma(inside[1], nbcy_all(grid->stride_k), inside[2] + grid->start));
}

/* F L at n places in reciprocal space. */
NBCY_INLINE void amplitudes_at(const nbcy_scene *sc, const nbcy_grid *grid, nbcy_block *restrict b, const real *restrict hkl,
                               const int shape, const enum place place, const int interpolated, const int n, real *restrict amplitude)
{
    real node[3 * NBCY_ABREAST], distance[3 * NBCY_ABREAST], lattice[NBCY_ABREAST];
    int64_t at[NBCY_ABREAST * NBCY_WIDTH];
    for (int i = 0; i < 3 * n; i++)
        node[i] = nbcy_ceil(hkl[i] - 0.5);
    for (int i = 0; i < 3 * n; i++)
        distance[i] = hkl[i] - node[i];
    for (int i = 0; i < n && place != OUTSIDE; i++)
        nbcy_store_whole(at + i * NBCY_WIDTH, index_in_grid(grid, node + 3 * i, place));
    lattice_factors(sc, distance, shape, n, lattice);
    TRACE(b->h[0] = hkl[0]; b->k[0] = hkl[1]; b->l[0] = hkl[2]; b->lattice[0] = lattice[0]; b->reflection = place == OUTSIDE ? 0 : at[0];)
    (void)b;
    if (place != OUTSIDE)
        __asm__ volatile("" : "+m"(at));   /* through memory: taking integers out of a vector register costs more */
    for (int i = 0; i < n; i++)
        amplitude[i] = lattice[i] * (interpolated ? interpolated_F(sc, hkl[3 * i], hkl[3 * i + 1], hkl[3 * i + 2], at + i * NBCY_WIDTH)
                                     : place == OUTSIDE ? nbcy_all(sc->default_F) : nbcy_lookup(sc->F, at + i * NBCY_WIDTH));
}
