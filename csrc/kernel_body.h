/* The physics of a block of pixels (sections 2, 7 and 9), included once per instruction set.
   Before including, define NBCY_RENDER_TILE as the name of the entry point; with NBCY_TRACING the block
   holds one pixel and every step is kept, so that a trace cannot drift from the image. */
#include <stdlib.h>

#include "nbcy.h"
#include "vecmath.h"

/* Offsets below this are a Bragg condition met exactly: the ratio of sines is then its limit N.
   Three of them still multiply to a normal double. */
#define NBCY_TINY 1e-30

typedef double nbcy_lanes[NBCY_BLOCK];

typedef struct {
    int n;                                 /* lanes in use; the others repeat the last pixel */
    const nbcy_panel *panel;
    int64_t image_index[NBCY_BLOCK];
    nbcy_lanes fast, slow;                 /* pixel coordinates */
    nbcy_lanes dx, dy, dz, airpath;        /* unit vector and distance to the current sub-pixel */
    nbcy_lanes sx, sy, sz, kept;           /* scattering vector (1/m); kept is 0 where dmin skips */
    nbcy_lanes omega, capture, polar;      /* of the current visit: one sub-pixel, layer, source */
    nbcy_lanes omega_first, omega_sum, capture_total, polar_first, polar_seen, polar_any;
    nbcy_lanes h, k, l, lattice;
    int64_t reflection[NBCY_BLOCK];        /* index into the padded grid */
    nbcy_lanes sum_orientations, sum_sources, sum_visits, sum;
#ifdef NBCY_TRACING
    nbcy_lanes px, py, pz;                 /* the sub-pixel's position */
#endif
    double *capture_first;                 /* [layer][lane]: of the first sub-pixel */
} nbcy_block;

#ifdef NBCY_TRACING   /* what keeps the steps stands in kernel_trace.c */
#define NBCY_LANES 1
#define TRACE(...) __VA_ARGS__
static void trace_visit(nbcy_trace *trace, const nbcy_block *b, int64_t visit);
static void trace_source(nbcy_trace *trace, const nbcy_block *b, const nbcy_source *source, int64_t index);
static void trace_step(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index);
static void trace_chain(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, double inside, double outside);
#else
#define NBCY_LANES NBCY_BLOCK
#define TRACE(...)
#endif
#define FOR_LANES for (int i = 0; i < NBCY_LANES; i++)

NBCY_INLINE double dot3(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* Rodrigues rotation, for the curved detector only. */
static void rotate_about(const double *v, const double *axis, double angle, double *out)
{
    double s = sin(angle), c = cos(angle), along = dot3(axis, v) * (1.0 - c);
    out[0] = axis[0] * along + v[0] * c + (-axis[2] * v[1] + axis[1] * v[2]) * s;
    out[1] = axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s;
    out[2] = axis[2] * along + v[2] * c + (-axis[1] * v[0] + axis[0] * v[1]) * s;
}

/* Section 2 step 6 and the solid angle of section 9. */
static void place_subpixel(const nbcy_scene *sc, nbcy_block *b, int sub_slow, int sub_fast, int layer)
{
    const nbcy_panel *p = b->panel;
    const double sub = p->pixel_size / sc->oversample, depth = layer * sc->layer_step;
    const double ox = p->origin[0] + depth * p->normal[0];
    const double oy = p->origin[1] + depth * p->normal[1];
    const double oz = p->origin[2] + depth * p->normal[2];
    const double area = p->pixel_size * p->pixel_size, close = p->close_distance;
    FOR_LANES {
        double f = sub * (b->fast[i] * sc->oversample + sub_fast) + sub / 2.0;
        double s = sub * (b->slow[i] * sc->oversample + sub_slow) + sub / 2.0;
        b->dx[i] = f * p->fast[0] + s * p->slow[0] + ox;
        b->dy[i] = f * p->fast[1] + s * p->slow[1] + oy;
        b->dz[i] = f * p->fast[2] + s * p->slow[2] + oz;
    }
    if (sc->curved) {
        double ahead[3] = {sc->distance * sc->beam[0], sc->distance * sc->beam[1], sc->distance * sc->beam[2]};
        FOR_LANES {
            double turned[3], bent[3];
            rotate_about(ahead, p->slow, b->dy[i] / sc->distance, turned);
            rotate_about(turned, p->fast, b->dz[i] / sc->distance, bent);
            b->dx[i] = bent[0];
            b->dy[i] = bent[1];
            b->dz[i] = bent[2];
        }
    }
    TRACE(b->px[0] = b->dx[0]; b->py[0] = b->dy[0]; b->pz[0] = b->dz[0];)
    FOR_LANES {
        double r = sqrt(b->dx[i] * b->dx[i] + b->dy[i] * b->dy[i] + b->dz[i] * b->dz[i]);
        double inverse = 1.0 / r;
        b->airpath[i] = r;
        b->dx[i] *= inverse;
        b->dy[i] *= inverse;
        b->dz[i] *= inverse;
        b->omega[i] = sc->point_pixel ? inverse * inverse : area * inverse * inverse * close * inverse;
    }
}

/* Fraction of photons caught in one layer. */
static void capture_in_layer(const nbcy_scene *sc, nbcy_block *b, int layer)
{
    if (sc->mu == 0.0) {
        FOR_LANES b->capture[i] = 1.0;
        return;
    }
    const double *normal = b->panel->normal;
    const double front = -layer * sc->layer_step * sc->mu, back = -(layer + 1) * sc->layer_step * sc->mu;
    FOR_LANES {
        double along = b->dx[i] * normal[0] + b->dy[i] * normal[1] + b->dz[i] * normal[2];
        double inverse = 1.0 / nbcy_max(along, 1e-300);
        b->capture[i] = nbcy_exp_negative(front * inverse) - nbcy_exp_negative(back * inverse);
    }
}

/* Scattering vector and polarization for one source. */
static void aim_source(const nbcy_scene *sc, nbcy_block *b, const nbcy_source *src)
{
    const double *in = src->incident, inverse_wavelength = src->inverse_wavelength, kahn = sc->kahn_factor;
    FOR_LANES {
        b->sx[i] = (b->dx[i] - in[0]) * inverse_wavelength;
        b->sy[i] = (b->dy[i] - in[1]) * inverse_wavelength;
        b->sz[i] = (b->dz[i] - in[2]) * inverse_wavelength;
        double c = b->dx[i] * in[0] + b->dy[i] * in[1] + b->dz[i] * in[2];
        double x = b->dx[i] * src->pol_e[0] + b->dy[i] * src->pol_e[1] + b->dz[i] * src->pol_e[2];
        double y = b->dx[i] * src->pol_b[0] + b->dy[i] * src->pol_b[1] + b->dz[i] * src->pol_b[2];
        /* cos 2psi (1 - c^2) = x^2 - y^2 because d is of unit length: no arc tangent, no 0/0 */
        b->polar[i] = sc->nopolar ? 1.0 : 0.5 * (1.0 + c * c - kahn * (x * x - y * y));
        b->kept[i] = 1.0;
    }
    if (sc->dmin > 0.0) {
        FOR_LANES {
            double s = sqrt(b->sx[i] * b->sx[i] + b->sy[i] * b->sy[i] + b->sz[i] * b->sz[i]);
            b->kept[i] = sc->dmin > 1.0 / s ? 0.0 : 1.0;
        }
    }
}

static int any_lane(const double *flags)
{
    int any = 0;
    FOR_LANES any |= flags[i] != 0.0;
    return any;
}

/* Section 7: the lattice factor of one orientation (sign dropped: only its square counts), and the index
   of the nearest reflection in the padded grid. */
NBCY_INLINE void lattice_of_shape(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const int shape, const int keep_hkl)
{
    const double ax = cell[0], ay = cell[1], az = cell[2];
    const double bx = cell[3], by = cell[4], bz = cell[5];
    const double cx = cell[6], cy = cell[7], cz = cell[8];
    const double na = sc->cells[0], nb = sc->cells[1], nc = sc->cells[2], volume = na * nb * nc;
    const double mhh = sc->metric[0], mkk = sc->metric[1], mll = sc->metric[2];
    const double mhk = 2.0 * sc->metric[3], mhl = 2.0 * sc->metric[4], mkl = 2.0 * sc->metric[5];
    const double h_low = sc->index_low[0], k_low = sc->index_low[1], l_low = sc->index_low[2];
    const double h_high = sc->index_high[0], k_high = sc->index_high[1], l_high = sc->index_high[2];
    const double stride_k = (double)sc->grid_l, stride_h = (double)sc->grid_k * (double)sc->grid_l;
    FOR_LANES {
        double h = ax * b->sx[i] + ay * b->sy[i] + az * b->sz[i];
        double k = bx * b->sx[i] + by * b->sy[i] + bz * b->sz[i];
        double l = cx * b->sx[i] + cy * b->sy[i] + cz * b->sz[i];
        double h0 = nbcy_ceil(h - 0.5), k0 = nbcy_ceil(k - 0.5), l0 = nbcy_ceil(l - 0.5);
        double dh = h - h0, dk = k - k0, dl = l - l0;
        if (keep_hkl) {
            b->h[i] = h;
            b->k[i] = k;
            b->l[i] = l;
        }
        if (shape == NBCY_SQUARE) {
            /* sin(pi N h)/sin(pi h) = +-sin(pi N d)/sin(pi d): fractions are exact, so both sines are one
               polynomial on [-1/2, 1/2] and the three ratios share one division */
            double eh = nbcy_max(__builtin_fabs(dh), NBCY_TINY);
            double ek = nbcy_max(__builtin_fabs(dk), NBCY_TINY);
            double el = nbcy_max(__builtin_fabs(dl), NBCY_TINY);
            double uh = na * eh, uk = nb * ek, ul = nc * el;
            double numerator = nbcy_sinpi(uh - nbcy_rint(uh)) * nbcy_sinpi(uk - nbcy_rint(uk))
                             * nbcy_sinpi(ul - nbcy_rint(ul));
            double denominator = nbcy_sinpi(eh) * nbcy_sinpi(ek) * nbcy_sinpi(el);
            b->lattice[i] = numerator / denominator;
        } else {
            double rho = mhh * dh * dh + mkk * dk * dk + mll * dl * dl
                       + mhk * dh * dk + mhl * dh * dl + mkl * dk * dl;
            if (shape == NBCY_ROUND)
                b->lattice[i] = volume * 0.723601254558268 * nbcy_sphere(sqrt(rho));
            else if (shape == NBCY_GAUSS)
                b->lattice[i] = volume * nbcy_exp_negative(rho * (-1.0 / 0.63));
            else
                b->lattice[i] = rho < 0.3969 ? volume : 0.0;
        }
        /* the grid is padded by a layer of default_F, so clamping replaces every bounds check */
        h0 = nbcy_min(nbcy_max(h0, h_low), h_high) - h_low;
        k0 = nbcy_min(nbcy_max(k0, k_low), k_high) - k_low;
        l0 = nbcy_min(nbcy_max(l0, l_low), l_high) - l_low;
        b->reflection[i] = nbcy_whole(h0 * stride_h + k0 * stride_k + l0);
    }
}

/* Tricubic Lagrange over floor - 1 ... floor + 2 of each axis; default_F where the list does not hold all of it. */
static double interpolated_F(const nbcy_scene *sc, double h, double k, double l)
{
    const double at[3] = {h, k, l};
    double weight[3][4];
    int64_t first[3];
    for (int axis = 0; axis < 3; axis++) {
        double whole = floor(at[axis]), x = at[axis] - whole;
        /* the list starts one inside the padding */
        if (!(whole - 1.0 > sc->index_low[axis] && whole + 2.0 < sc->index_high[axis]))
            return sc->default_F;
        first[axis] = (int64_t)(whole - 1.0 - sc->index_low[axis]);
        weight[axis][0] = -x * (x - 1.0) * (x - 2.0) / 6.0;
        weight[axis][1] = (x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0;
        weight[axis][2] = -(x + 1.0) * x * (x - 2.0) / 2.0;
        weight[axis][3] = (x + 1.0) * x * (x - 1.0) / 6.0;
    }
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            const double *row = sc->F + ((first[0] + i) * sc->grid_k + first[1] + j) * sc->grid_l + first[2];
            double along = weight[2][0] * row[0] + weight[2][1] * row[1] + weight[2][2] * row[2] + weight[2][3] * row[3];
            sum += weight[0][i] * weight[1][j] * along;
        }
    }
    return sum;
}

/* Adds F^2 L^2 of one orientation to sum_orientations. */
NBCY_INLINE void step_of_shape(const nbcy_scene *sc, nbcy_block *restrict b, const double *cell, const int shape)
{
    if (sc->interpolate) {
        lattice_of_shape(sc, b, cell, shape, 1);
        FOR_LANES {
            double amplitude = b->lattice[i] * interpolated_F(sc, b->h[i], b->k[i], b->l[i]);
            b->sum_orientations[i] += amplitude * amplitude;
        }
        return;
    }
    lattice_of_shape(sc, b, cell, shape, NBCY_LANES == 1);
    const double *restrict F = sc->F;
    FOR_LANES {
        double amplitude = b->lattice[i] * F[b->reflection[i]];
        b->sum_orientations[i] += amplitude * amplitude;
    }
}

static void step(const nbcy_scene *sc, nbcy_block *b, const double *cell)
{
    switch (sc->shape) {
    case NBCY_SQUARE: step_of_shape(sc, b, cell, NBCY_SQUARE); break;
    case NBCY_ROUND: step_of_shape(sc, b, cell, NBCY_ROUND); break;
    case NBCY_GAUSS: step_of_shape(sc, b, cell, NBCY_GAUSS); break;
    default: step_of_shape(sc, b, cell, NBCY_TOPHAT); break;
    }
}


/* Section 9: all visits and steps of a block of pixels; leaves each pixel's photons in b->sum. */
static void render_block(const nbcy_scene *sc, nbcy_block *b, int first_visit TRACE(, nbcy_trace *trace))
{
    const int subs = sc->oversample * sc->oversample;   /* at most 1e8: nbcy/scene.py */
    TRACE(int64_t visit = 0;)
    FOR_LANES {
        b->sum[i] = 0.0;
        b->sum_visits[i] = 0.0;
        b->omega_sum[i] = 0.0;
        b->polar_first[i] = 0.0;
        b->polar_seen[i] = 0.0;
        b->capture_total[i] = 0.0;
    }
    for (int sub = 0; sub < subs; sub++) {
        for (int layer = 0; layer < sc->layers; layer++) {
            place_subpixel(sc, b, sub / sc->oversample, sub % sc->oversample, layer);
            capture_in_layer(sc, b, layer);
            double *capture_first = b->capture_first + layer * NBCY_BLOCK;
            if (sub == 0) {
                FOR_LANES {
                    capture_first[i] = b->capture[i];
                    b->capture_total[i] += b->capture[i];
                }
            }
            if (sub == 0 && layer == 0)
                FOR_LANES b->omega_first[i] = b->omega[i];
            if (layer == 0)
                FOR_LANES b->omega_sum[i] += b->omega[i];
            TRACE(trace_visit(trace, b, visit);)
            FOR_LANES b->sum_sources[i] = 0.0;
            for (int64_t source = 0; source < sc->n_sources; source++) {
                aim_source(sc, b, &sc->sources[source]);
                if (sub == 0 && layer == 0 && source == 0)
                    FOR_LANES b->polar_any[i] = b->polar[i];
                TRACE(trace_source(trace, b, &sc->sources[source], visit * sc->n_sources + source);)
                if (!any_lane(b->kept))
                    continue;
                FOR_LANES {
                    b->polar_first[i] = b->polar_seen[i] == 0.0 && b->kept[i] != 0.0 ? b->polar[i] : b->polar_first[i];
                    b->polar_seen[i] = b->kept[i] != 0.0 ? 1.0 : b->polar_seen[i];
                    b->sum_orientations[i] = 0.0;
                }
                const double *cell = first_visit ? sc->first_orientations : sc->orientations;
                first_visit = 0;
                for (int64_t o = 0; o < sc->n_orientations; o++, cell += 9) {
                    step(sc, b, cell);
                    TRACE(trace_step(sc, trace, b, (visit * sc->n_sources + source) * sc->n_orientations + o);)
                }
                const double weight = sc->sources[source].relative_weight;
                FOR_LANES {
                    double factor = sc->oversample_polar ? b->polar[i] : 1.0;
                    b->sum_sources[i] += weight * factor * b->kept[i] * b->sum_orientations[i];
                }
            }
            TRACE(visit++;)
            const int thick_later = sc->oversample_thick || sc->layer_capture;
            FOR_LANES {
                double factor = sc->oversample_omega ? b->omega[i] : 1.0;
                factor *= sc->oversample_thick ? b->capture[i] : 1.0;
                b->sum_visits[i] += factor * b->sum_sources[i];
                factor *= thick_later ? 1.0 : capture_first[i];
                b->sum[i] += factor * b->sum_sources[i];
            }
        }
    }
    const double *capture_last = b->capture_first + (sc->layers - 1) * NBCY_BLOCK;
    const int last_only = sc->layer_capture && !sc->oversample_thick;
    const double inside_scale = sc->water_scaling ? sc->water : 0.0;
    const double outside_scale = sc->water_scaling ? 0.0 : sc->water;
    FOR_LANES {
        double capture = last_only ? capture_last[i] : 1.0;
        double polar = sc->oversample_polar ? 1.0 : b->polar_first[i];
        double omega = sc->oversample_omega ? 1.0 : b->omega_first[i];
        double inside = inside_scale * (sc->layer_capture ? 1.0 : b->capture_total[i]);
        double outside = outside_scale * b->polar_any[i] * b->omega_first[i] * b->capture_total[i];
        double photons = sc->scale * (b->sum[i] + inside) * capture * polar * omega + outside;
        TRACE(trace_chain(sc, trace, b, inside, outside);)
        b->sum[i] = photons;
    }
}

static nbcy_block *new_block(const nbcy_scene *sc)
{
    nbcy_block *b = malloc(sizeof *b);
    if (!b)
        return NULL;
    b->capture_first = malloc(sizeof(nbcy_lanes) * (size_t)sc->layers);
    if (!b->capture_first) {
        free(b);
        return NULL;
    }
    return b;
}

static void free_block(nbcy_block *b)
{
    free(b->capture_first);
    free(b);
}

#ifndef NBCY_TRACING

/* Renders the lanes in use and starts the next block. */
static double finish_block(const nbcy_scene *sc, nbcy_block *b, float *image)
{
    if (b->n == 0)
        return 0.0;
    for (int i = b->n; i < NBCY_BLOCK; i++) {   /* idle lanes repeat the last pixel: no special values, no branches */
        b->fast[i] = b->fast[b->n - 1];
        b->slow[i] = b->slow[b->n - 1];
    }
    render_block(sc, b, b->n == 1 && b->image_index[0] == sc->first_pixel);
    double omega = 0.0;
    for (int i = 0; i < b->n; i++) {
        image[b->image_index[i]] = (float)b->sum[i];
        omega += sc->oversample_omega ? b->omega_sum[i] / (sc->oversample * sc->oversample) : b->omega_first[i];
    }
    b->n = 0;
    return omega;
}

/* Appends pixels of one row, up to a full block, those that the mask leaves out excepted; returns how many
   of the row are done. */
static int64_t take_pixels(const nbcy_scene *sc, nbcy_block *b, int64_t slow, int64_t fast, int64_t fast_end)
{
    const int64_t row = b->panel->offset + slow * b->panel->pixels_fast;
    int64_t count = fast_end - fast, room = NBCY_BLOCK - b->n;
    if (count > room)
        count = room;
    /* the pixel of the very first visit has orientations of its own: it goes alone */
    if (row + fast == sc->first_pixel)
        count = 1;
    else if (row + fast < sc->first_pixel && sc->first_pixel < row + fast + count)
        count = sc->first_pixel - (row + fast);
    if (!sc->mask) {
        for (int64_t i = 0; i < count; i++) {
            b->image_index[b->n + i] = row + fast + i;
            b->fast[b->n + i] = (double)(int32_t)(fast + i);
            b->slow[b->n + i] = (double)slow;
        }
        b->n += (int)count;
    } else {
        for (int64_t i = 0; i < count; i++) {
            b->image_index[b->n] = row + fast + i;
            b->fast[b->n] = (double)(fast + i);
            b->slow[b->n] = (double)slow;
            b->n += sc->mask[row + fast + i] != 0;
        }
    }
    return count;
}

int NBCY_RENDER_TILE(const nbcy_scene *sc, const nbcy_tile *tile, float *image, double *solid_angle,
                     const volatile int *cancel)
{
    nbcy_block *b = new_block(sc);
    if (!b)
        return NBCY_NO_MEMORY;
    int status = NBCY_OK;
    b->n = 0;
    b->panel = &sc->panels[tile->panel];
    for (int64_t slow = tile->slow_begin; slow < tile->slow_end && status == NBCY_OK; slow++) {
        int64_t fast = tile->fast_begin;
        while (fast < tile->fast_end && status == NBCY_OK) {
            const int64_t index = b->panel->offset + slow * b->panel->pixels_fast + fast;
            if (index == sc->first_pixel)
                *solid_angle += finish_block(sc, b, image);
            fast += take_pixels(sc, b, slow, fast, tile->fast_end);
            if (b->n == NBCY_BLOCK || index == sc->first_pixel) {
                *solid_angle += finish_block(sc, b, image);
                if (*cancel)
                    status = NBCY_CANCELLED;
            }
        }
    }
    if (status == NBCY_OK)
        *solid_angle += finish_block(sc, b, image);
    free_block(b);
    return status;
}

#endif
