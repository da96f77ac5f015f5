/* One pixel with every step kept: the same body, its blocks one lane wide. */
#define NBCY_TRACING
#include "kernel_body.h"

static void copy3(double *to, double x, double y, double z)
{
    to[0] = x;
    to[1] = y;
    to[2] = z;
}

static void trace_visit(nbcy_trace *trace, const nbcy_block *b, int64_t visit)
{
    double r = b->airpath[0];
    trace->airpath[visit] = r;
    trace->omega[visit] = b->omega[0];
    trace->capture[visit] = b->capture[0];
    copy3(trace->pixel_pos + 3 * visit, b->px[0], b->py[0], b->pz[0]);
    copy3(trace->diffracted + 3 * visit, b->dx[0], b->dy[0], b->dz[0]);
}

static void trace_source(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t source, int64_t index)
{
    const double *in = sc->sources[source].incident;
    const double scale = b->inverse_wavelength[0];
    copy3(trace->scattering + 3 * index, b->qx[0] * scale, b->qy[0] * scale, b->qz[0] * scale);
    trace->polar[index] = b->polar[0];
    trace->skipped[index] = sc->dmin > 0.0 && b->kept[0][0] == 0.0;
    if (index == 0)
        trace->cos_2theta = b->dx[0] * in[0] + b->dy[0] * in[1] + b->dz[0] * in[2];
}

/* sin(pi N h)/sin(pi h) of one axis, with the sign that its square does not need. */
static double signed_ratio(double n, double x, double nearest)
{
    double offset = nbcy_max(__builtin_fabs(x - nearest), NBCY_TINY), u = n * offset, turns = nbcy_rint(u);
    double ratio = nbcy_sinpi(u - turns) / nbcy_sinpi(offset);
    int odd = fmod(fabs((n - 1.0) * nearest + turns), 2.0) == 1.0;
    return odd ? -ratio : ratio;
}

static void trace_step(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index)
{
    const double hkl[3] = {b->h[0], b->k[0], b->l[0]};
    double *rounded = trace->hkl_rounded + 3 * index, *ratios = trace->F_latt_abc + 3 * index;
    double product = 1.0;
    copy3(trace->hkl_frac + 3 * index, hkl[0], hkl[1], hkl[2]);
    for (int axis = 0; axis < 3; axis++) {
        rounded[axis] = nbcy_ceil(hkl[axis] - 0.5);
        ratios[axis] = sc->shape == NBCY_SQUARE ? signed_ratio(sc->cells[axis], hkl[axis], rounded[axis]) : 1.0;
        product *= ratios[axis];
    }
    trace->F_latt[index] = sc->shape == NBCY_SQUARE ? product : b->lattice[0];
    trace->F_cell[index] = sc->interpolate ? interpolated_F(sc, hkl[0], hkl[1], hkl[2], &b->reflection) : sc->F[b->reflection];
}

static void start_average(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index)
{
    const double q[3] = {b->qx[0], b->qy[0], b->qz[0]};
    double *hkl = trace->hkl_frac + 3 * index, *rounded = trace->hkl_rounded + 3 * index;
    see_along(sc->average.real_axes, q, hkl);
    trace->seen = trace->brightest = 0.0;
    copy3(trace->F_latt_abc + 3 * index, 1.0, 1.0, 1.0);
    for (int axis = 0; axis < 3; axis++)
        rounded[axis] = nbcy_ceil(hkl[axis] - 0.5);
    trace->F_cell[index] = F_of_node(sc, rounded);
}

/* Of all nodes, the brightest stands for the source: its indices and structure factor, and an F_latt that makes up for
   the others. */
static void trace_node(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_laplace *at, const double *hkl, double F, double square, double sum,
                       int64_t index)
{
    const nbcy_average *a = &sc->average;
    const double volume = sc->cells[0] * sc->cells[1] * sc->cells[2], intensity = square > 0.0 ? F * F * volume * volume * (sum / square) : 0.0;
    const int diverges = a->divergence[0] > 0.0 || a->divergence[1] > 0.0, n = 4 + 2 * diverges + (a->frame > 0.0);
    const double width[NBCY_UNKNOWNS] = {a->mosaic[0], a->mosaic[1], a->mosaic[2], a->energy, a->divergence[0], a->divergence[1], 1.0};
    trace->seen += intensity;
    if (intensity > trace->brightest) {
        double *out = trace->average + NBCY_AVERAGED * index;
        trace->brightest = intensity;
        trace->F_cell[index] = F;
        copy3(trace->hkl_rounded + 3 * index, hkl[0], hkl[1], hkl[2]);
        memset(out, 0, NBCY_AVERAGED * sizeof *out);
        double seen[NBCY_UNKNOWNS] = {0};
        for (int i = 0; i < n; i++) {
            const int phi = a->frame > 0.0 && i == n - 1, to = phi ? NBCY_UNKNOWNS - 1 : i;
            double column[NBCY_UNKNOWNS] = {0}, variance = 0.0;
            for (int k = i; k < n; k++) {
                column[k] = k == i;
                for (int m = i; m < k; m++)
                    column[k] -= at->lower[k][m] * column[m];
                variance += column[k] * column[k] / at->pivot[k];
            }
            seen[to] = width[to] * at->z[i];
            out[NBCY_UNKNOWNS + to] = width[to] * sqrt(variance);
        }
        const double *axes = a->axes + 9 * (index % sc->n_orientations);
        for (int i = 0; i < 3; i++)   /* as a rotation about x, y, z */
            out[i] = axes[i] * seen[0] + axes[3 + i] * seen[1] + axes[6 + i] * seen[2];
        for (int i = 3; i < NBCY_UNKNOWNS; i++)
            out[i] = seen[i];
        out[NBCY_AVERAGED - 1] = sum / square;
    }
    trace->F_latt[index] = trace->F_cell[index] != 0.0 ? sqrt(trace->seen) / fabs(trace->F_cell[index]) : 0.0;
}

/* Chooses the factors so that their product with the sum is the pixel: layers that were weighed one by one
   count through their mean capture. */
static void trace_chain(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, double inside, double outside)
{
    const double last = first_capture(sc, b, sc->layers - 1)[0];
    const double total = b->capture_total[0];
    trace->I_before_scaling = b->sum_visits[0] + (sc->layer_capture || total == 0.0 ? inside : inside / total);
    if (sc->oversample_thick)
        trace->capture_fraction = b->capture[0];
    else if (sc->layer_capture)
        trace->capture_fraction = last;
    else if (sc->layers == 1 || b->sum_visits[0] == 0.0)
        trace->capture_fraction = total / sc->layers;
    else
        trace->capture_fraction = b->sum[0] / b->sum_visits[0];
    trace->polar_final = sc->oversample_polar ? b->polar[0] : polar_of_sum(sc, b)[0];
    trace->omega_pixel = sc->oversample_omega ? b->omega[0] : first_omega(sc, b)[0];
    trace->background = outside;
}

static nbcy_block *one_pixel(const nbcy_scene *sc, int64_t panel, int64_t slow, int64_t fast, const nbcy_watch *watch)
{
    nbcy_block *b = new_block(sc, watch);
    if (b) {
        b->polar_first[0] = b->polar_seen[0] = 0.0;
        b->n = b->vectors = 1;
        b->panel = &sc->panels[panel];
        b->first_slow = (double)slow;
        b->first_fast = (double)fast;
        b->slow[0] = b->fast[0] = 0.0;
    }
    return b;
}

int nbcy_trace_pixel(const nbcy_scene *sc, int64_t panel, int64_t slow, int64_t fast, nbcy_trace *trace, const nbcy_watch *watch)
{
    nbcy_block *b = one_pixel(sc, panel, slow, fast, watch);
    if (!b)
        return NBCY_NO_MEMORY;
    int64_t index = b->panel->offset + slow * b->panel->pixels_fast + fast;
    render_block(sc, b, index == sc->first_pixel, trace);
    trace->I_pixel_final = b->sum[0];
    const int status = b->stopped ? NBCY_CANCELLED : NBCY_OK;
    free_block(b);
    return status;
}

int nbcy_pixel_visited(const nbcy_scene *sc, int64_t panel, int64_t slow, int64_t fast, int *visited, const nbcy_watch *watch)
{
    nbcy_block *b = one_pixel(sc, panel, slow, fast, watch);
    if (!b)
        return NBCY_NO_MEMORY;
    const int subs = sc->oversample * sc->oversample;
    *visited = 0;
    for (int sub = 0; sub < subs && !*visited && !b->stopped; sub++) {
        for (int layer = 0; layer < sc->layers && !*visited && !b->stopped; layer++) {
            direction_and_solid_angle(sc, b, sub / sc->oversample, sub % sc->oversample, layer);
            for (int64_t source = 0; source < sc->n_sources && !*visited && !stopped_after(b, 1); source++)
                *visited = aim_sources(sc, b, source, 1, 0);
        }
    }
    const int status = b->stopped ? NBCY_CANCELLED : NBCY_OK;
    free_block(b);
    return status;
}
