/* The physics of a block of pixels (sections 2, 7 and 9), included once per instruction set.
   Before including, define NBCY_BUILD as the name of the build; with NBCY_TRACING instead the block
   holds one pixel and every step is kept, so that a trace cannot drift from the image. */
#include <stdlib.h>

#include "nbcy.h"
#include "vecmath.h"

/* Offsets below this are a Bragg condition met exactly: the ratio of sines is then its limit N.
   Three of them still multiply to a normal double. */
#define NBCY_TINY 1e-30

/* Sources that share a direction and differ in wavelength are rendered together, so many at a time; compact shapes
   look at more. */
#define NBCY_CHUNK 16
#define NBCY_SWEEP 64

/* rho from which a tophat is 0. */
#define NBCY_TOPHAT_EDGE 0.3969

/* What a float rounds to infinity. */
#define NBCY_TOO_BRIGHT 0x1.ffffffp+127

/* Lanes that are neighbours in a row of a full patch. */
#define NBCY_RUN 4

/* Lanes that are compact on the detector; no vector is wider. */
#define NBCY_GROUP 8

/* Vectors whose steps are computed side by side: independent work for processors to find. Blocks hold whole pairs. */
#define NBCY_ABREAST (NBCY_WIDTH > 1 ? 2 : 1)

typedef real nbcy_lanes[NBCY_BLOCK / NBCY_WIDTH];

typedef struct {
    int n, vectors;                        /* pixels in use; idle lanes of the last vector repeat the last pixel */
    const nbcy_panel *panel;
    int64_t image_index[NBCY_BLOCK];
    double first_fast, first_slow;         /* pixel at the patch's corner */
    nbcy_lanes fast, slow;                 /* pixels, counted from there */
    nbcy_lanes column, row;                /* the same of a full patch */
    int full;                              /* whether fast and slow are those */
    int64_t run[NBCY_BLOCK / NBCY_RUN];    /* where in the image its runs start, seen from its corner */
    nbcy_lanes dx, dy, dz;                 /* unit vector to the current sub-pixel */
    nbcy_lanes qx, qy, qz;                 /* scattering vector (1/m), or, of several wavelengths, times each */
    nbcy_lanes omega, capture, polar;      /* of the current visit: one sub-pixel, layer, direction */
    nbcy_lanes omega_first, omega_sum, capture_total, polar_first, polar_seen, polar_any;
    nbcy_lanes sum_sources, sum_visits, sum;
    double q_centre[3], q_extent[3];       /* of a box around the scattering vectors of all lanes */
    int n_chunk, scaled;                   /* scaled: the scattering vectors are still to be divided by each wavelength */
    double inverse_wavelength[NBCY_SWEEP];
    nbcy_lanes kept[NBCY_SWEEP];           /* 0 where dmin skips */
    nbcy_lanes sum_orientations[NBCY_CHUNK];
#ifdef NBCY_TRACING
    nbcy_lanes px, py, pz, airpath;        /* the sub-pixel's position and distance */
    nbcy_lanes h, k, l, lattice;           /* of the last step */
    int64_t reflection;                    /* its index into the padded grid */
#endif
    real *capture_first;                   /* [layer][vector]: of the first sub-pixel */
} nbcy_block;

#ifdef NBCY_TRACING   /* what keeps the steps stands in kernel_trace.c */
#define TRACE(...) __VA_ARGS__
static void trace_visit(nbcy_trace *trace, const nbcy_block *b, int64_t visit);
static void trace_source(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t source, int64_t index);
static void trace_step(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index);
static void trace_chain(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, double inside, double outside);
#else
#define TRACE(...)
#endif
#define FOR_LANES for (int i = 0; i < b->vectors; i++)

NBCY_INLINE double dot3(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* Rodrigues rotation, for the curved detector only. */
static void rotate_about(const double *v, const double *axis, double angle, double *out)
{
    double s = sin(angle), c = cos(angle), along = dot3(axis, v) * (1.0 - c);
    out[0] = axis[0] * along + v[0] * c + (-axis[2] * v[1] + axis[1] * v[2]) * s;
    out[1] = axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s;
    out[2] = axis[2] * along + v[2] * c + (-axis[1] * v[0] + axis[0] * v[1]) * s;
}

static void bend(const nbcy_scene *sc, nbcy_block *b)
{
    const nbcy_panel *p = b->panel;
    double ahead[3] = {sc->distance * sc->beam[0], sc->distance * sc->beam[1], sc->distance * sc->beam[2]};
    double *x = (double *)b->dx, *y = (double *)b->dy, *z = (double *)b->dz;
    for (int lane = 0; lane < b->vectors * NBCY_WIDTH; lane++) {
        double turned[3], bent[3];
        rotate_about(ahead, p->slow, y[lane] / sc->distance, turned);
        rotate_about(turned, p->fast, z[lane] / sc->distance, bent);
        x[lane] = bent[0];
        y[lane] = bent[1];
        z[lane] = bent[2];
    }
}

/* Section 2 step 6, of sub-pixels of edge sub; shift: which of how many. */
NBCY_INLINE void place_flat(const nbcy_block *b, int i, const double *shift, double sub, const double *origin, real *x, real *y, real *z)
{
    const double *fast = b->panel->fast, *slow = b->panel->slow;
    const real f = sub * ((b->fast[i] + b->first_fast) * shift[2] + shift[0]) + sub / 2.0;
    const real s = sub * ((b->slow[i] + b->first_slow) * shift[2] + shift[1]) + sub / 2.0;
    *x = f * fast[0] + s * slow[0] + origin[0];
    *y = f * fast[1] + s * slow[1] + origin[1];
    *z = f * fast[2] + s * slow[2] + origin[2];
}

/* Where sub-pixels are seen, and their solid angle (section 9). */
static void place_subpixel(const nbcy_scene *sc, nbcy_block *b, int sub_slow, int sub_fast, int layer)
{
    const nbcy_panel *p = b->panel;
    const double sub = p->pixel_size / sc->oversample, depth = layer * sc->layer_step;
    const double area = p->pixel_size * p->pixel_size * p->close_distance;
    const double shift[3] = {sub_fast, sub_slow, sc->oversample};
    double origin[3];
    for (int axis = 0; axis < 3; axis++)
        origin[axis] = p->origin[axis] + depth * p->normal[axis];
    if (sc->curved) {
        FOR_LANES place_flat(b, i, shift, sub, origin, &b->dx[i], &b->dy[i], &b->dz[i]);
        bend(sc, b);
    }
    FOR_LANES {
        real x = b->dx[i], y = b->dy[i], z = b->dz[i];
        if (!sc->curved)
            place_flat(b, i, shift, sub, origin, &x, &y, &z);
        real r = nbcy_sqrt(x * x + y * y + z * z);
        real inverse = 1.0 / r, square = inverse * inverse;
        TRACE(b->px[i] = x; b->py[i] = y; b->pz[i] = z; b->airpath[i] = r;)
        b->dx[i] = x * inverse;
        b->dy[i] = y * inverse;
        b->dz[i] = z * inverse;
        b->omega[i] = sc->point_pixel ? square : area * square * inverse;
    }
}

/* Fraction of photons caught in one layer. */
static void capture_in_layer(const nbcy_scene *sc, nbcy_block *b, int layer)
{
    const double *normal = b->panel->normal;
    const double front = -layer * sc->layer_step * sc->mu, back = -(layer + 1) * sc->layer_step * sc->mu;
    FOR_LANES {
        real along = b->dx[i] * normal[0] + b->dy[i] * normal[1] + b->dz[i] * normal[2];
        real inverse = 1.0 / nbcy_max(along, nbcy_all(1e-300));
        b->capture[i] = nbcy_exp_negative(front * inverse) - nbcy_exp_negative(back * inverse);
    }
}

static int single_visit(const nbcy_scene *sc) { return sc->oversample == 1 && sc->layers == 1; }

/* Of the first sub-pixel. */
static const real *first_omega(const nbcy_scene *sc, const nbcy_block *b)
{
    return single_visit(sc) ? b->omega : b->omega_first;
}

/* The same, of the first source. */
static const real *first_polar(const nbcy_scene *sc, const nbcy_block *b)
{
    return single_visit(sc) && sc->n_sources == 1 ? b->polar : b->polar_any;
}

/* The same, of one layer. */
static const real *first_capture(const nbcy_scene *sc, const nbcy_block *b, int layer)
{
    return sc->mu == 0.0 ? b->capture : b->capture_first + layer * (NBCY_BLOCK / NBCY_WIDTH);
}

/* How many of the sources from this one on are rendered together. */
static int chunk_of(const nbcy_scene *sc, int64_t first, int most)
{
    int n = 1;
#ifndef NBCY_TRACING
    const nbcy_source *source = sc->sources + first;
    const int64_t left = sc->n_sources - first;
    while (n < left && n < most && memcmp(source[n].incident, source->incident, sizeof source->incident) == 0)
        n++;
#else
    (void)sc;
    (void)first;
    (void)most;
#endif
    return n;
}

/* The polarization of the first sub-pixel and source that dmin does not skip. */
static void keep_first_polar(nbcy_block *b)
{
    FOR_LANES {
        real kept = b->kept[0][i];
        for (int j = 1; j < b->n_chunk; j++)
            kept = nbcy_max(kept, b->kept[j][i]);
        const real fresh = kept * (1.0 - b->polar_seen[i]);
        b->polar_first[i] += fresh * b->polar[i];
        b->polar_seen[i] += fresh;
    }
}

/* Scattering vectors and polarization for a chunk of sources; returns whether dmin keeps anything. */
static int aim_sources(const nbcy_scene *sc, nbcy_block *b, int64_t first, int n, int first_visit)
{
    const nbcy_source *source = sc->sources + first;
    const double *in = source->incident, kahn = sc->kahn_factor;
    const double *e = source->pol_e, *p = source->pol_b;
    const double inverse_wavelength = source->shared ? 1.0 : source->inverse_wavelength;
    b->n_chunk = n;
    b->scaled = source->shared;   /* not by the chunk, which differs between images, traces and what nearby.h does */
    FOR_LANES {
        const real x = b->dx[i], y = b->dy[i], z = b->dz[i];
        b->qx[i] = (x - in[0]) * inverse_wavelength;
        b->qy[i] = (y - in[1]) * inverse_wavelength;
        b->qz[i] = (z - in[2]) * inverse_wavelength;
        const real c = x * in[0] + y * in[1] + z * in[2];
        real polar = 0.5 + 0.5 * c * c;
        if (kahn != 0.0) {
            /* cos 2psi (1 - c^2) = along^2 - across^2 because d is of unit length: no arc tangent, no 0/0 */
            const real along = x * e[0] + y * e[1] + z * e[2], across = x * p[0] + y * p[1] + z * p[2];
            polar -= 0.5 * kahn * (along * along - across * across);
        }
        b->polar[i] = sc->nopolar ? nbcy_all(1.0) : polar;
    }
    if (first_visit && first == 0 && first_polar(sc, b) != b->polar)
        FOR_LANES b->polar_any[i] = b->polar[i];
    for (int j = 0; j < n; j++)
        b->inverse_wavelength[j] = b->scaled ? source[j].inverse_wavelength : 1.0;
    if (sc->dmin == 0.0)
        return 1;
    double kept_any = 0.0;
    for (int j = 0; j < n; j++) {
        FOR_LANES {
            real s = nbcy_sqrt(b->qx[i] * b->qx[i] + b->qy[i] * b->qy[i] + b->qz[i] * b->qz[i]);
            b->kept[j][i] = nbcy_if_less(1.0 / (s * b->inverse_wavelength[j]), nbcy_all(sc->dmin), nbcy_all(0.0), nbcy_all(1.0));
            kept_any += nbcy_total(b->kept[j][i]);
        }
    }
    if (kept_any == 0.0)
        return 0;
    keep_first_polar(b);
    return 1;
}

static void lane_range(const nbcy_block *b, const real *lanes, double *centre, double *extent)
{
    real low = lanes[0], high = lanes[0];
    for (int i = 1; i < b->vectors; i++) {
        low = nbcy_min(low, lanes[i]);
        high = nbcy_max(high, lanes[i]);
    }
    double lows[NBCY_WIDTH], highs[NBCY_WIDTH];
    nbcy_store(lows, low);
    nbcy_store(highs, high);
    for (int i = 1; i < NBCY_WIDTH; i++) {
        lows[0] = lows[i] < lows[0] ? lows[i] : lows[0];
        highs[0] = highs[i] > highs[0] ? highs[i] : highs[0];
    }
    *centre = 0.5 * (lows[0] + highs[0]);
    *extent = 0.5 * (highs[0] - lows[0]);
}

enum place { INSIDE, ASTRIDE, OUTSIDE };

/* Whether every orientation puts the reflections nearest to a block inside the box of the grid. */
static int always_inside(const nbcy_scene *sc, const nbcy_block *b)
{
    double square = 0.0, scale = 0.0;
    for (int axis = 0; axis < 3; axis++) {
        const double farthest = fabs(b->q_centre[axis]) + b->q_extent[axis];
        square += farthest * farthest;
    }
    for (int j = 0; j < b->n_chunk; j++)
        scale = b->inverse_wavelength[j] > scale ? b->inverse_wavelength[j] : scale;
    const double q = sqrt(square) * scale;
    int inside = 1;
    for (int axis = 0; axis < 3; axis++)
        inside &= sc->cell_length[axis] * q < sc->index_high[axis] && sc->cell_length[axis] * q < -sc->index_low[axis];
    return inside;
}

/* Where in the box of the grid an orientation puts the reflections nearest to a block. */
static enum place place_in_grid(const nbcy_scene *sc, const nbcy_block *b, const double *cell)
{
    enum place place = INSIDE;
    for (int axis = 0; axis < 3; axis++, cell += 3) {
        const double centre = dot3(cell, b->q_centre);
        const double extent = fabs(cell[0]) * b->q_extent[0] + fabs(cell[1]) * b->q_extent[1] + fabs(cell[2]) * b->q_extent[2];
        double low = INFINITY, high = -INFINITY;
        for (int j = 0; j < b->n_chunk; j++) {
            const double h = centre * b->inverse_wavelength[j], reach = extent * b->inverse_wavelength[j];
            low = h - reach < low ? h - reach : low;
            high = h + reach > high ? h + reach : high;
        }
        /* half an index to spare is more than rounding can move */
        if (high < sc->index_low[axis] || low > sc->index_high[axis])
            return OUTSIDE;
        if (low < sc->index_low[axis] || high > sc->index_high[axis])
            place = ASTRIDE;
    }
    return place;
}

/* Section 7, from the distance h, k, l to the nearest node. */
NBCY_INLINE real rho_at(const nbcy_scene *sc, const real *d)
{
    const double *m = sc->metric;
    real rho = m[0] * d[0] * d[0] + m[1] * d[1] * d[1] + m[2] * d[2] * d[2];
    if (sc->skew)
        rho += 2.0 * m[3] * d[0] * d[1] + 2.0 * m[4] * d[0] * d[2] + 2.0 * m[5] * d[1] * d[2];
    return rho;
}

/* Section 7: the lattice factors (sign dropped: only their squares count) at n places, from the distances h, k, l to the
   nearest nodes. */
NBCY_INLINE void lattice_factors(const nbcy_scene *sc, const real *restrict distance, const int shape, const int n, real *restrict lattice)
{
    if (shape == NBCY_SQUARE) {
        /* sin(pi N h)/sin(pi h) = +-sin(pi N d)/sin(pi d): fractions are exact, so both sines are one
           polynomial on [-1/2, 1/2] and the three ratios share one division */
        real offset[3 * NBCY_ABREAST], turns[3 * NBCY_ABREAST], over[NBCY_ABREAST], under[NBCY_ABREAST];
        for (int i = 0; i < 3 * n; i++)
            offset[i] = nbcy_abs_above(distance[i], NBCY_TINY);
        for (int i = 0; i < 3 * n; i++)
            turns[i] = sc->cells[i % 3] * offset[i];
        for (int i = 0; i < 3 * n; i++)
            turns[i] -= nbcy_rint(turns[i]);
        nbcy_sine_products(over, turns, n);
        nbcy_sine_products(under, offset, n);
        for (int i = 0; i < n; i++)
            lattice[i] = over[i] / under[i];
        return;
    }
    const double volume = sc->cells[0] * sc->cells[1] * sc->cells[2];
    for (int i = 0; i < n; i++) {
        const real rho = rho_at(sc, distance + 3 * i);
        if (shape == NBCY_ROUND)
            lattice[i] = volume * 0.723601254558268 * nbcy_sphere(nbcy_sqrt(rho));
        else if (shape == NBCY_GAUSS)
            lattice[i] = volume * nbcy_exp_negative(rho * (-1.0 / 0.63));
        else
            lattice[i] = nbcy_if_less(rho, nbcy_all(NBCY_TOPHAT_EDGE), nbcy_all(volume), nbcy_all(0.0));
    }
}

/* Four neighbours along l, in as few registers as the build has for them. */
#define NBCY_ROW (NBCY_WIDTH < 4 ? NBCY_WIDTH : 4)
typedef double nbcy_row __attribute__((vector_size(8 * NBCY_ROW)));

NBCY_INLINE nbcy_row fma_row(double weight, nbcy_row row, nbcy_row sum)
{
#if NBCY_ROW == 4
    return _mm256_fmadd_pd(_mm256_set1_pd(weight), row, sum);
#else
    return weight * row + sum;
#endif
}

/* Tricubic Lagrange over floor - 1 ... floor + 2 of each axis; default_F where the list does not hold all of it. */
static real interpolated_F(const nbcy_scene *sc, real h, real k, real l)
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
        value[lane] = sc->default_F;
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
    TRACE(b->h[0] = hkl[0]; b->k[0] = hkl[1]; b->l[0] = hkl[2]; b->lattice[0] = lattice[0]; b->reflection = at[0];)
    (void)b;
    if (place != OUTSIDE)
        __asm__ volatile("" : "+m"(at));   /* through memory: taking integers out of a vector register costs more */
    for (int i = 0; i < n; i++)
        amplitude[i] = lattice[i] * (interpolated ? interpolated_F(sc, hkl[3 * i], hkl[3 * i + 1], hkl[3 * i + 2])
                                     : place == OUTSIDE ? nbcy_all(sc->default_F) : nbcy_lookup(sc->F, at + i * NBCY_WIDTH));
}

/* Adds F^2 L^2 of one orientation to the sums of the sources of the chunk. */
NBCY_INLINE void add_steps(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const enum place place, const int scaled,
                           const int shape, const int interpolated)
{
    const nbcy_grid grid = grid_of(sc);
    const int sources = scaled ? b->n_chunk : 1;
    for (int i = 0; i < b->vectors; i += NBCY_ABREAST) {
        real unscaled[3 * NBCY_ABREAST], hkl[3 * NBCY_ABREAST], amplitude[NBCY_ABREAST];
        for (int m = 0; m < NBCY_ABREAST; m++)
            for (int axis = 0; axis < 3; axis++)
                unscaled[3 * m + axis] = cell[3 * axis] * b->qx[i + m] + cell[3 * axis + 1] * b->qy[i + m] + cell[3 * axis + 2] * b->qz[i + m];
        for (int j = 0; j < sources; j++) {
            for (int m = 0; m < 3 * NBCY_ABREAST; m++)
                hkl[m] = scaled ? unscaled[m] * b->inverse_wavelength[j] : unscaled[m];
            amplitudes_at(sc, &grid, b, hkl, shape, place, interpolated, NBCY_ABREAST, amplitude);
            for (int m = 0; m < NBCY_ABREAST; m++)
                b->sum_orientations[j][i + m] = nbcy_fma(amplitude[m], amplitude[m], b->sum_orientations[j][i + m]);
        }
    }
}

/* Calls steps(sc, b, cell, place, scaled, ...) with constants in place of what is known at run time alone. */
#define NBCY_SPECIALISED(steps, place, ...) \
    switch (2 * (place) + b->scaled) { \
    case 2 * INSIDE: steps(sc, b, cell, INSIDE, 0, ##__VA_ARGS__); break; \
    case 2 * INSIDE + 1: steps(sc, b, cell, INSIDE, 1, ##__VA_ARGS__); break; \
    case 2 * ASTRIDE: steps(sc, b, cell, ASTRIDE, 0, ##__VA_ARGS__); break; \
    case 2 * ASTRIDE + 1: steps(sc, b, cell, ASTRIDE, 1, ##__VA_ARGS__); break; \
    case 2 * OUTSIDE: steps(sc, b, cell, OUTSIDE, 0, ##__VA_ARGS__); break; \
    default: steps(sc, b, cell, OUTSIDE, 1, ##__VA_ARGS__); break; \
    }

NBCY_INLINE void add_steps_of_shape(const nbcy_scene *sc, nbcy_block *b, const double *cell, enum place place, const int shape)
{
    if (sc->interpolate)
        add_steps(sc, b, cell, ASTRIDE, 1, shape, 1);
    else
        NBCY_SPECIALISED(add_steps, place, shape, 0)
}

static void add_orientation(const nbcy_scene *sc, nbcy_block *b, const double *cell, enum place place)
{
    switch (sc->shape) {
    case NBCY_SQUARE: add_steps_of_shape(sc, b, cell, place, NBCY_SQUARE); break;
    case NBCY_ROUND: add_steps_of_shape(sc, b, cell, place, NBCY_ROUND); break;
    case NBCY_GAUSS: add_steps_of_shape(sc, b, cell, place, NBCY_GAUSS); break;
    default: add_steps_of_shape(sc, b, cell, place, NBCY_TOPHAT); break;
    }
}

#if NBCY_WIDTH > 1
#include "single.h"
#endif

/* All orientations for the sources of one chunk. */
static void add_orientations(const nbcy_scene *sc, nbcy_block *b, const double *cell TRACE(, nbcy_trace *trace, int64_t step))
{
    /* finding the box of a block pays from a few steps on */
    const int bounded = NBCY_WIDTH > 1 && sc->listed && !sc->interpolate && sc->n_orientations * b->n_chunk > 3;
    enum place every = NBCY_WIDTH > 1 && !sc->listed ? OUTSIDE : ASTRIDE;
    if (bounded) {
        lane_range(b, b->qx, &b->q_centre[0], &b->q_extent[0]);
        lane_range(b, b->qy, &b->q_centre[1], &b->q_extent[1]);
        lane_range(b, b->qz, &b->q_centre[2], &b->q_extent[2]);
        every = always_inside(sc, b) ? INSIDE : ASTRIDE;
    }
    for (int64_t o = 0; o < sc->n_orientations; o++, cell += 9) {
        const enum place place = bounded && every != INSIDE ? place_in_grid(sc, b, cell) : every;
        if (place == OUTSIDE && sc->default_F == 0.0)
            continue;
#if NBCY_WIDTH > 1
        if (sc->F_single) {
            add_orientation_single(sc, b, cell, place);
            continue;
        }
#endif
        add_orientation(sc, b, cell, place);
        TRACE(trace_step(sc, trace, b, step + o);)
    }
}

/* What sums of squares have to be multiplied by: single.h has units of its own. */
static double square_of_unit(const nbcy_scene *sc)
{
    if (NBCY_WIDTH == 1 || !sc->F_single)
        return 1.0;
    const double volume = sc->shape == NBCY_GAUSS ? sc->cells[0] * sc->cells[1] * sc->cells[2] : 1.0;
    return (sc->largest_F * volume) * (sc->largest_F * volume);
}

/* The steps of one source, weighed. */
static void add_source(const nbcy_scene *sc, nbcy_block *b, int j, double weight, int first)
{
    FOR_LANES {
        real sum = weight * b->sum_orientations[j][i];
        if (sc->oversample_polar)
            sum *= b->polar[i];
        if (sc->dmin > 0.0)
            sum *= b->kept[j][i];
        b->sum_sources[i] = first ? sum : b->sum_sources[i] + sum;
    }
}

/* Every step of a visit. The very first source of all that dmin keeps has orientations of its own. */
static void add_all(const nbcy_scene *sc, nbcy_block *b, int first_visit, int *own_orientations TRACE(, nbcy_trace *trace, int64_t visit))
{
    int n, first = 1;
    for (int64_t source = 0; source < sc->n_sources; source += n) {
        n = *own_orientations ? 1 : chunk_of(sc, source, NBCY_CHUNK);
        const int kept = aim_sources(sc, b, source, n, first_visit);
        TRACE(trace_source(sc, trace, b, source, visit * sc->n_sources + source);)
        if (!kept)
            continue;
        for (int j = 0; j < n; j++)
            FOR_LANES b->sum_orientations[j][i] = nbcy_all(0.0);
        add_orientations(sc, b, *own_orientations ? sc->first_orientations : sc->orientations
                         TRACE(, trace, (visit * sc->n_sources + source) * sc->n_orientations));
        *own_orientations = 0;
#if NBCY_WIDTH > 1
        for (int j = 0; j < n && sc->F_single && words_by_turns(sc); j++)
            put_in_order(b, j);
#endif
        const double unit = square_of_unit(sc);
        for (int j = 0; j < n; j++, first = 0)
            add_source(sc, b, j, sc->sources[source + j].relative_weight * unit, first);
    }
    if (first)
        FOR_LANES b->sum_sources[i] = nbcy_all(0.0);
}

#ifndef NBCY_TRACING
#include "nearby.h"
#endif

/* What is oversampled of solid angle and capture. */
NBCY_INLINE real visit_factor(const nbcy_scene *sc, const nbcy_block *b, int i)
{
    const real omega = sc->oversample_omega ? b->omega[i] : nbcy_all(1.0);
    return sc->oversample_thick ? omega * b->capture[i] : omega;
}

/* What a visit adds to a pixel before its last factors. */
NBCY_INLINE real visit_sum(const nbcy_scene *sc, const nbcy_block *b, int i, int layer)
{
    real factor = visit_factor(sc, b, i);
    if (!sc->oversample_thick && !sc->layer_capture)
        factor *= first_capture(sc, b, layer)[i];
    return factor * b->sum_sources[i];
}

/* Section 9: all visits and steps of a block of pixels; leaves each pixel's photons in b->sum. A pixel that goes alone
   is that of the very first visit. */
static void render_block(const nbcy_scene *sc, nbcy_block *b, int alone TRACE(, nbcy_trace *trace))
{
    const int subs = sc->oversample * sc->oversample;   /* at most 1e8: nbcy/scene.py */
    const int absorbing = sc->mu != 0.0, single = single_visit(sc);
    TRACE(int64_t visit = 0;)
    const real zero = nbcy_all(0.0);
    int own_orientations = alone;
    if (!single)
        FOR_LANES b->sum[i] = zero;
    TRACE(b->sum_visits[0] = zero;)
    if (absorbing)
        FOR_LANES b->capture_total[i] = zero;
    if (sc->oversample_omega)
        FOR_LANES b->omega_sum[i] = zero;
    if (sc->dmin > 0.0)
        FOR_LANES b->polar_first[i] = b->polar_seen[i] = zero;
    for (int sub = 0; sub < subs; sub++) {
        for (int layer = 0; layer < sc->layers; layer++) {
            const int first = sub == 0 && layer == 0;
            place_subpixel(sc, b, sub / sc->oversample, sub % sc->oversample, layer);
            if (absorbing)
                capture_in_layer(sc, b, layer);
            if (absorbing && sub == 0) {
                real *capture = b->capture_first + layer * (NBCY_BLOCK / NBCY_WIDTH);
                FOR_LANES {
                    capture[i] = b->capture[i];
                    b->capture_total[i] += b->capture[i];
                }
            }
            if (first && !single)
                FOR_LANES b->omega_first[i] = b->omega[i];
            if (sc->oversample_omega && layer == 0)
                FOR_LANES b->omega_sum[i] += b->omega[i];
            TRACE(trace_visit(trace, b, visit);)
#ifndef NBCY_TRACING
            if (sc->skip && !alone)
                add_nearby(sc, b, first);
            else
#endif
                add_all(sc, b, first, &own_orientations TRACE(, trace, visit));
            TRACE(visit++;)
            TRACE(b->sum_visits[0] += visit_factor(sc, b, 0) * b->sum_sources[0];)
            if (!single)
                FOR_LANES b->sum[i] += visit_sum(sc, b, i, layer);
        }
    }
    const real *capture_last = first_capture(sc, b, sc->layers - 1);
    const real *polar_any = first_polar(sc, b), *polar_first = sc->dmin > 0.0 ? b->polar_first : polar_any;
    const real *omega_first = first_omega(sc, b);
    if (NBCY_WIDTH > 1 && single && !absorbing && !sc->oversample_polar && !sc->oversample_omega && sc->water == 0.0) {
        /* as below, without what is 1 or 0 */
        FOR_LANES b->sum[i] = sc->scale * b->sum_sources[i] * (polar_first[i] * omega_first[i]);
        return;
    }
    const int last_only = sc->layer_capture && !sc->oversample_thick;
    const double inside_scale = sc->water_scaling ? sc->water : 0.0;
    const double outside_scale = sc->water_scaling ? 0.0 : sc->water;
    FOR_LANES {
        real chain = last_only ? capture_last[i] : nbcy_all(1.0), inside = zero, outside = zero;
        if (!sc->oversample_polar)
            chain *= polar_first[i];
        if (!sc->oversample_omega)
            chain *= omega_first[i];
        if (sc->water != 0.0) {
            inside = inside_scale * (sc->layer_capture ? nbcy_all(1.0) : b->capture_total[i]);
            outside = outside_scale * polar_any[i] * omega_first[i] * b->capture_total[i];
        }
        const real sum = single ? visit_sum(sc, b, i, 0) : b->sum[i];
        real photons = sc->scale * (sum + inside) * chain + outside;
        TRACE(b->sum[i] = sum; trace_chain(sc, trace, b, inside, outside);)
        b->sum[i] = photons;
    }
}

static void free_block(nbcy_block *b)
{
    free(b->capture_first);
    free(b);
}

static void *new_lanes(size_t size)
{
    return aligned_alloc(64, (size + 63) / 64 * 64);
}

static nbcy_block *new_block(const nbcy_scene *sc)
{
    nbcy_block *b = new_lanes(sizeof *b);
    if (!b)
        return NULL;
    b->capture_first = new_lanes(sizeof(nbcy_lanes) * (size_t)sc->layers);
    if (!b->capture_first) {
        free(b);
        return NULL;
    }
    b->full = 0;
    if (sc->mu == 0.0) {   /* no absorption: for good */
        for (int i = 0; i < NBCY_BLOCK / NBCY_WIDTH; i++) {
            b->capture[i] = nbcy_all(1.0);
            b->capture_total[i] = nbcy_all(sc->layers);
        }
    }
    return b;
}

#ifndef NBCY_TRACING

typedef struct { int64_t slow, fast, rows, columns; } nbcy_patch;

/* Whether a patch holds the pixel of the very first visit, which has orientations of its own. */
static int holds_first_pixel(const nbcy_scene *sc, const nbcy_block *b, const nbcy_patch *patch)
{
    const int64_t first = sc->first_pixel - b->panel->offset, pitch = b->panel->pixels_fast;
    return sc->first_pixel >= b->panel->offset && patch->slow <= first / pitch && first / pitch < patch->slow + patch->rows
           && patch->fast <= first % pitch && first % pitch < patch->fast + patch->columns;
}

/* Takes the pixels of a patch that the mask leaves in. The pixel of the very first visit goes alone. Returns whether
   they fill the block in the order of a full patch. */
static int take_pixels(const nbcy_scene *sc, nbcy_block *b, const nbcy_patch *patch, int alone)
{
    const int rows = (int)patch->rows, columns = (int)patch->columns;
    b->first_fast = (double)patch->fast;
    b->first_slow = (double)patch->slow;
    const int whole = alone || (!sc->mask && !holds_first_pixel(sc, b, patch));
    if (whole && rows * columns == NBCY_BLOCK) {
        b->n = NBCY_BLOCK;
        b->vectors = NBCY_BLOCK / NBCY_WIDTH;
        if (!b->full) {
            memcpy(b->fast, b->column, sizeof b->fast);
            memcpy(b->slow, b->row, sizeof b->slow);
            b->full = 1;
        }
        return 1;
    }
    b->full = 0;
    double *fast = (double *)b->fast, *slow = (double *)b->slow;
    const int64_t origin = b->panel->offset + patch->slow * b->panel->pixels_fast + patch->fast;
    int n = 0;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            const int64_t index = origin + row * b->panel->pixels_fast + column;
            fast[n] = column;
            slow[n] = row;
            b->image_index[n] = index;
            n += alone || ((!sc->mask || sc->mask[index]) && index != sc->first_pixel);
        }
    }
    b->n = n;
    b->vectors = (n + 2 * NBCY_GROUP - 1) / (2 * NBCY_GROUP) * (2 * NBCY_GROUP / NBCY_WIDTH);   /* whole pairs */
    for (int i = n; n && i < b->vectors * NBCY_WIDTH; i++) {   /* no special values, no branches */
        fast[i] = fast[n - 1];
        slow[i] = slow[n - 1];
    }
    return 0;
}

/* Renders a patch into the image; adds the solid angle of its pixels. */
static int render_patch(const nbcy_scene *sc, nbcy_block *b, const nbcy_patch *patch, int alone, float *image, double *solid_angle)
{
    const int full = take_pixels(sc, b, patch, alone);
    if (b->n == 0)
        return NBCY_OK;
    render_block(sc, b, alone);
    const real *omegas = sc->oversample_omega ? b->omega_sum : first_omega(sc, b);
    const double share = sc->oversample_omega ? 1.0 / (sc->oversample * sc->oversample) : 1.0;
    const double *restrict photons = (const double *)b->sum;
    real omega = nbcy_all(0.0);
    unsigned finite = ~0u;
    FOR_LANES {
        omega += omegas[i];
        finite &= nbcy_below(nbcy_abs(b->sum[i]), nbcy_all(NBCY_TOO_BRIGHT));
    }
    const int idle = b->vectors * NBCY_WIDTH - b->n;
    *solid_angle += share * (nbcy_total(omega) - idle * ((const double *)omegas)[b->n - 1]);
    if (full) {
        float *corner = image + b->panel->offset + patch->slow * b->panel->pixels_fast + patch->fast;
        for (int i = 0; i < NBCY_BLOCK; i += NBCY_RUN)
            for (int lane = 0; lane < NBCY_RUN; lane++)
                corner[b->run[i / NBCY_RUN] + lane] = (float)photons[i + lane];
    } else {
        for (int i = 0; i < b->n; i++)
            image[b->image_index[i]] = (float)photons[i];
    }
    const unsigned every = (1u << NBCY_WIDTH) - 1u;
    return (finite & every) == every ? NBCY_OK : NBCY_NOT_FINITE;
}

#define NBCY_PASTE(name, build) name##_##build
#define NBCY_NAME(name, build) NBCY_PASTE(name, build)

int NBCY_NAME(nbcy_render_tile, NBCY_BUILD)(const nbcy_scene *sc, const nbcy_tile *tile, float *image,
                                          double *solid_angle, const volatile int *cancel)
{
    nbcy_block *b = new_block(sc);
    if (!b)
        return NBCY_NO_MEMORY;
    int status = NBCY_OK;
    double total = 0.0;   /* here and not where the caller keeps it, next to other threads' */
    b->panel = &sc->panels[tile->panel];
    const int64_t rows = tile->slow_end - tile->slow_begin;
    /* square patches hold few reflections */
    const int64_t patch_rows = rows < 8 ? rows : 8, patch_columns = NBCY_BLOCK / patch_rows;
    for (int lane = 0; lane < NBCY_BLOCK; lane++) {
        /* groups of eight are as compact as the patch allows */
        const int64_t group = lane / 8, in_group = lane % 8;
        const int64_t column = patch_rows < 8 ? lane % patch_columns : group % 2 * 4 + in_group % 4;
        const int64_t row = patch_rows < 8 ? lane / patch_columns : group / 2 * 2 + in_group / 4;
        ((double *)b->column)[lane] = (double)column;
        ((double *)b->row)[lane] = (double)row;
        if (lane % NBCY_RUN == 0)
            b->run[lane / NBCY_RUN] = row * b->panel->pixels_fast + column;
    }
    for (int64_t slow = tile->slow_begin; slow < tile->slow_end; slow += patch_rows) {
        for (int64_t fast = tile->fast_begin; fast < tile->fast_end; fast += patch_columns) {
            nbcy_patch patch = {slow, fast, tile->slow_end - slow, tile->fast_end - fast};
            patch.rows = patch.rows < patch_rows ? patch.rows : patch_rows;
            patch.columns = patch.columns < patch_columns ? patch.columns : patch_columns;
            status |= render_patch(sc, b, &patch, 0, image, &total);
            if (*cancel)
                status |= NBCY_CANCELLED;
            if (status & (NBCY_CANCELLED | NBCY_NO_MEMORY)) {
                free_block(b);
                return status;
            }
        }
    }
    const nbcy_patch all = {tile->slow_begin, tile->fast_begin, rows, tile->fast_end - tile->fast_begin};
    if (holds_first_pixel(sc, b, &all)) {
        const int64_t first = sc->first_pixel - b->panel->offset, pitch = b->panel->pixels_fast;
        const nbcy_patch pixel = {first / pitch, first % pitch, 1, 1};
        status |= render_patch(sc, b, &pixel, 1, image, &total);
    }
    *solid_angle += total;
    free_block(b);
    return status;
}

void NBCY_NAME(nbcy_evaluate, NBCY_BUILD)(int function, int64_t n, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        real at = nbcy_all(x[i]), value;
        switch (function) {
        case NBCY_SINPI: value = nbcy_sinpi(at); break;
        case NBCY_COSPI: value = nbcy_cospi(at); break;
        case NBCY_EXP_NEGATIVE: value = nbcy_exp_negative(at); break;
        default: value = nbcy_sphere(at); break;
        }
        y[i] = nbcy_total(value) / NBCY_WIDTH;   /* equal lanes: exact */
    }
}

#endif
