#include "scenes.h"

#include <stdlib.h>
#include <string.h>

static int never(void *state)
{
    (void)state;
    return 0;
}

const nbcy_watch nobody = {never, NULL};

double drawn(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 40) / (double)(1 << 24);
}

static double between(double low, double high, uint64_t *state) { return low + (high - low) * drawn(state); }

/* One by one: compilers differ in the order of a call's arguments. */
static void draw(double *to, int n, double low, double high, uint64_t *state)
{
    for (int i = 0; i < n; i++)
        to[i] = between(low, high, state);
}

static int one_of(int n, uint64_t *state) { return (int)(n * drawn(state)); }

static double root(double x) { return __builtin_sqrt(x); }

static void set3(double *to, double x, double y, double z)
{
    to[0] = x;
    to[1] = y;
    to[2] = z;
}

static void unit3(double *v)
{
    const double length = root(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    for (int axis = 0; axis < 3; axis++)
        v[axis] /= length;
}

static void cross3(const double *a, const double *b, double *out)
{
    set3(out, a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
}

static void set_source(nbcy_source *source, double wavelength, double y, double z, double weight)
{
    const double polarization[3] = {0.0, 0.0, 1.0};
    set3(source->incident, 1.0, y, z);
    unit3(source->incident);
    source->inverse_wavelength = 1.0 / wavelength;
    source->relative_weight = weight;
    cross3(polarization, source->incident, source->pol_b);
    unit3(source->pol_b);
    cross3(source->incident, source->pol_b, source->pol_e);
    unit3(source->pol_e);
}

static void find_shared(scene *s)
{
    for (int64_t i = 0; i < s->c.n_sources; i++) {
        const double *mine = s->sources[i].incident;
        const int before = i > 0 && memcmp(mine, s->sources[i - 1].incident, sizeof s->sources->incident) == 0;
        const int after = i + 1 < s->c.n_sources && memcmp(mine, s->sources[i + 1].incident, sizeof s->sources->incident) == 0;
        s->sources[i].shared = before || after;
    }
}

/* The cell turned by a quaternion. */
static void set_cell(double *cell, const double *lengths, const double *q)
{
    const double square = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
    const double w = q[0], x = q[1], y = q[2], z = q[3];
    const double turn[9] = {w * w + x * x - y * y - z * z, 2.0 * (x * y - w * z), 2.0 * (x * z + w * y),
                            2.0 * (x * y + w * z), w * w - x * x + y * y - z * z, 2.0 * (y * z - w * x),
                            2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z};
    for (int axis = 0; axis < 3; axis++)
        for (int i = 0; i < 3; i++)
            cell[3 * axis + i] = turn[3 * i + axis] / square * lengths[axis];
}

void plain_scene(scene *s)
{
    const double lengths[3] = {30e-10, 40e-10, 50e-10}, q[4] = {1.0, 0.3, 0.2, -0.1};
    memset(s, 0, sizeof *s);
    set3(s->panel.fast, 0.0, 0.0, 1.0);
    set3(s->panel.slow, 0.0, -1.0, 0.0);
    set3(s->panel.normal, 1.0, 0.0, 0.0);
    s->panel.pixel_size = 1e-3;
    s->panel.close_distance = 0.1;
    set3(s->panel.origin, 0.1, 0.3 * ROWS * 1e-3, -0.4 * COLUMNS * 1e-3);
    s->panel.pixels_fast = COLUMNS;
    nbcy_scene *c = &s->c;
    c->panels = &s->panel;
    c->distance = 0.1;
    set3(c->beam, 1.0, 0.0, 0.0);
    c->oversample = c->layers = 1;
    c->n_sources = c->n_orientations = 1;
    c->sources = s->sources;
    c->orientations = s->orientations;
    c->first_pixel = -1;
    c->shape = NBCY_SQUARE;
    set3(c->cells, 5.0, 4.0, 3.0);
    c->F = s->F;
    set3(c->index_low, -4.0, -4.0, -4.0);
    set3(c->index_high, 4.0, 4.0, 4.0);
    c->grid_k = c->grid_l = EXTENT;
    c->default_F = 10.0;
    c->scale = 1.0;
    for (int i = 0; i < EXTENT * EXTENT * EXTENT; i++)
        s->F[i] = c->default_F;
    set_source(&s->sources[0], 1e-10, 0.0, 0.0, 1.0);
    set_cell(s->orientations, lengths, q);
    finish_scene(s, 1.0, 0);
}

void finish_scene(scene *s, double fudge, int single)
{
    nbcy_scene *c = &s->c;
    find_shared(s);
    c->largest_F = 0.0;
    for (int i = 0; i < EXTENT * EXTENT * EXTENT; i++)
        c->largest_F = s->F[i] > c->largest_F ? s->F[i] : c->largest_F;
    for (int i = 0; i < EXTENT * EXTENT * EXTENT && c->largest_F > 0.0; i++)
        s->F_single[i] = (float)(s->F[i] / c->largest_F);
    c->F_single = single ? s->F_single : NULL;
    c->few_cells = c->cells[0] <= 64.0 && c->cells[1] <= 64.0 && c->cells[2] <= 64.0;
    for (int axis = 0; axis < 3; axis++) {
        c->metric[axis] = c->cells[axis] * c->cells[axis] * fudge;
        double longest = 0.0;
        for (int64_t o = 0; o < c->n_orientations; o++) {
            const double *a = s->orientations + 9 * o + 3 * axis, length = root(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
            longest = length > longest ? length : longest;
        }
        c->cell_length[axis] = longest * (1.0 + 1e-12);
    }
}

static void draw_sources(scene *s, uint64_t *state)
{
    const int directions = 1 + one_of(3, state), several = one_of(3, state), wavelengths = 1 + several * one_of(6, state);
    s->c.n_sources = 0;
    for (int d = 0; d < directions; d++) {
        double across[2];
        draw(across, 2, -0.01, 0.01, state);
        for (int w = 0; w < wavelengths; w++) {
            const double wavelength = between(0.95e-10, 1.05e-10, state), weight = between(0.5, 1.5, state);
            set_source(&s->sources[s->c.n_sources++], wavelength, across[0], across[1], weight);
        }
    }
}

static void draw_crystal(scene *s, uint64_t *state)
{
    nbcy_scene *c = &s->c;
    double lengths[3], q[4] = {1.0};
    draw(lengths, 3, 10e-10, 60e-10, state);
    draw(q + 1, 3, -1.0, 1.0, state);
    const int many = one_of(2, state) ? 90 : 12;
    c->n_orientations = 1 + one_of(MOST_ORIENTATIONS, state);
    for (int64_t o = 0; o < c->n_orientations; o++) {
        double turned[4] = {q[0]};
        for (int i = 1; i < 4; i++)
            turned[i] = q[i] + between(-0.01, 0.01, state);
        set_cell(s->orientations + 9 * o, lengths, turned);
        set_cell(s->first_orientations + 9 * o, lengths, q);
    }
    c->shape = one_of(4, state);
    for (int axis = 0; axis < 3; axis++)
        c->cells[axis] = 1.0 + one_of(many, state);
    c->listed = one_of(3, state) > 0;
    c->default_F = one_of(2, state) ? 12.0 : 0.0;
    c->interpolate = c->listed && one_of(4, state) == 0;
    for (int i = 0; i < EXTENT * EXTENT * EXTENT; i++) {
        const int at[3] = {i / (EXTENT * EXTENT), i / EXTENT % EXTENT, i % EXTENT};
        int inner = c->listed;
        for (int axis = 0; axis < 3; axis++)
            inner &= at[axis] > 0 && at[axis] < EXTENT - 1;
        s->F[i] = inner ? between(1.0, 100.0, state) : c->default_F;
    }
}

void drawn_scene(scene *s, unsigned n)
{
    uint64_t state = 977u * n + 1u;
    for (int i = 0; i < 4; i++)
        drawn(&state);
    plain_scene(s);
    nbcy_scene *c = &s->c;
    draw_sources(s, &state);
    draw_crystal(s, &state);
    c->oversample = 1 + one_of(3, &state);
    c->oversample_omega = one_of(2, &state);
    c->oversample_polar = one_of(2, &state);
    c->point_pixel = one_of(5, &state) == 0;
    c->nopolar = one_of(5, &state) == 0;
    c->kahn_factor = one_of(2, &state) ? between(-1.0, 1.0, &state) : 0.0;
    c->water = one_of(3, &state) ? 0.0 : 1e3;
    if (one_of(3, &state) == 0) {
        c->layers = 1 + one_of(3, &state);
        c->layer_step = 1e-4;
        c->mu = 3e3;
        c->oversample_thick = one_of(2, &state);
    }
    if (one_of(4, &state) == 0)
        c->dmin = between(3e-10, 30e-10, &state);
    if (one_of(4, &state) == 0) {
        c->mask = s->mask;
        for (int i = 0; i < PIXELS; i++)
            s->mask[i] = one_of(3, &state) > 0;
    }
    if (one_of(5, &state) == 0) {
        c->first_orientations = s->first_orientations;
        c->first_pixel = one_of(PIXELS, &state);
    }
    c->skip = (c->shape == NBCY_GAUSS || c->shape == NBCY_TOPHAT) && !c->interpolate && one_of(2, &state);
    const int single = (c->shape == NBCY_SQUARE || c->shape == NBCY_GAUSS) && !c->interpolate && one_of(3, &state) == 0;
    finish_scene(s, one_of(2, &state) ? 1.0 : 0.1, single);
}

void render_watched(const scene *s, const nbcy_isa *isa, image *out, const nbcy_watch *watch)
{
    /* two tiles of whole patches, one of the rest */
    const nbcy_tile tiles[3] = {
        {0, 0, 8, 0, COLUMNS, 0, COLUMNS}, {0, 8, 16, 0, COLUMNS, 8 * COLUMNS, COLUMNS}, {0, 16, ROWS, 0, COLUMNS, 16 * COLUMNS, COLUMNS},
    };
    const nbcy_image target = {out->pixels, NULL, NULL};
    for (int i = 0; i < PIXELS; i++)
        out->pixels[i] = -1.0f;
    out->solid_angle = 0.0;
    out->status = NBCY_OK;
    for (int t = 0; t < 3; t++)
        out->status |= isa->render_tile(&s->c, &tiles[t], &target, &out->solid_angle, watch);
}

void render(const scene *s, const nbcy_isa *isa, image *out) { render_watched(s, isa, out, &nobody); }

int trace_pixel(const scene *s, int slow, int fast, nbcy_trace *trace, const nbcy_watch *watch)
{
    const size_t visits = (size_t)(s->c.oversample * s->c.oversample * s->c.layers);
    const size_t sources = visits * (size_t)s->c.n_sources, steps = sources * (size_t)s->c.n_orientations;
    memset(trace, 0, sizeof *trace);
    trace->pixel_pos = calloc(3 * visits, sizeof(double));
    trace->airpath = calloc(visits, sizeof(double));
    trace->omega = calloc(visits, sizeof(double));
    trace->diffracted = calloc(3 * visits, sizeof(double));
    trace->capture = calloc(visits, sizeof(double));
    trace->scattering = calloc(3 * sources, sizeof(double));
    trace->polar = calloc(sources, sizeof(double));
    trace->skipped = calloc(sources, 1);
    trace->hkl_frac = calloc(3 * steps, sizeof(double));
    trace->hkl_rounded = calloc(3 * steps, sizeof(double));
    trace->F_latt_abc = calloc(3 * steps, sizeof(double));
    trace->F_latt = calloc(steps, sizeof(double));
    trace->F_cell = calloc(steps, sizeof(double));
    return nbcy_trace_pixel(&s->c, 0, slow, fast, trace, watch);
}

void free_trace(nbcy_trace *trace)
{
    free(trace->pixel_pos);
    free(trace->airpath);
    free(trace->omega);
    free(trace->diffracted);
    free(trace->capture);
    free(trace->scattering);
    free(trace->polar);
    free(trace->skipped);
    free(trace->hkl_frac);
    free(trace->hkl_rounded);
    free(trace->F_latt_abc);
    free(trace->F_latt);
    free(trace->F_cell);
}
