/* Compact shapes (gauss, tophat), and square crystals with a cutoff: a pixel sees only steps whose reflection is near.
   Included by kernel_body.h.

   Eight pixels and a chunk of wavelengths span a box of h, k, l, which bounds rho from below for all of them at once;
   a pixel alone with its chunk gives a closer bound. A tophat's step is left out where rho stays beyond its edge:
   exactly. A gauss step is left out where its upper bound, times the number of all steps, is below 2^-28 of what the
   pixel has summed so far, or below 2^-154 photons: all that is left out together cannot change the pixel by 1/16 of
   a float32's last place. A step of a square crystal is left out where (1/(2 N d))^2 of the axes, or 1 where that is less,
   multiply to less than the cutoff, because |sin pi d| >= 2 |d|: its lattice factor, squared, is below that part of the
   largest. Each pixel decides for itself, so that the image does not depend on how pixels are grouped. */

#define NBCY_GAUSS_SLOPE (2.0 / 0.63)      /* intensity: exp(-slope rho) */
#define NBCY_GAUSS_END (0.63 * 708.5)      /* from here on nbcy_exp_negative is 0 */
#define NBCY_HIDDEN (28.0 * 0.69314718055994531)
#define NBCY_INVISIBLE (154.0 * 0.69314718055994531)

typedef struct {
    /* of each group's scattering vectors: the centre of the sphere around them, and how far h, k, l reach from it */
    double centre[3][NBCY_BLOCK / NBCY_GROUP], reach[3][NBCY_BLOCK / NBCY_GROUP];
    double middle, half, largest;          /* of the chunk's inverse wavelengths */
    double inverse_wavelength[NBCY_SWEEP], weight[NBCY_SWEEP];   /* padded with weights of 0 */
    double brightest;                      /* logarithm of all steps together, were all as bright as any can be */
    double limit[NBCY_BLOCK];              /* each pixel's: steps that are more remote are hidden */
    double group_limit[NBCY_BLOCK / NBCY_GROUP];
    double share;                          /* weight of the orientation */
    double bright[NBCY_BLOCK];             /* the sum from which the limit follows */
} nbcy_view;

static void start_view(const nbcy_scene *sc, const nbcy_panel *panel, nbcy_view *view)
{
    double heaviest = 0.0, heaviest_orientation = sc->orientation_weights ? 0.0 : 1.0, cells = sc->cells[0] * sc->cells[1] * sc->cells[2];
    for (int64_t source = 0; source < sc->n_sources; source++)
        heaviest = fmax(heaviest, sc->sources[source].relative_weight);
    for (int64_t o = 0; o < sc->n_orientations && sc->orientation_weights; o++)
        heaviest_orientation = fmax(heaviest_orientation, sc->orientation_weights[o]);
    view->brightest = log(heaviest * heaviest_orientation) + 2.0 * log(fabs(sc->largest_F) * cells) + log1p(0.5 * fabs(sc->kahn_factor))
                    + log((double)sc->n_sources * (double)sc->n_orientations);
    double limit = sc->shape == NBCY_SQUARE ? 1.0 / sc->cutoff : NBCY_TOPHAT_EDGE;
    if (sc->shape == NBCY_GAUSS) {
        /* photons that a pixel has for each unit of the sum, at most */
        const double nearest = sc->curved ? fmin(panel->close_distance, sc->distance) : panel->close_distance;
        const double edge = sc->point_pixel ? 1.0 : panel->pixel_size, visits = (double)sc->oversample * sc->oversample * sc->layers;
        const double photons = sc->scale * visits * edge * edge / (nearest * nearest) * (1.0 + 0.5 * fabs(sc->kahn_factor));
        limit = fmax(fmin(NBCY_GAUSS_END, (view->brightest + log(photons) + NBCY_INVISIBLE) / NBCY_GAUSS_SLOPE), 0.0);
    }
    for (int lane = 0; lane < NBCY_BLOCK; lane++) {
        view->limit[lane] = limit;
        view->group_limit[lane / NBCY_GROUP] = limit;
        view->bright[lane] = 0.0;
    }
}

/* Takes note of an aimed chunk of sources. */
static void view_chunk(const nbcy_scene *sc, const nbcy_block *b, nbcy_view *view, int64_t source)
{
    const double *q[3] = {(const double *)b->qx, (const double *)b->qy, (const double *)b->qz};
    for (int group = 0; group < NBCY_BLOCK / NBCY_GROUP; group++) {
        const int first = NBCY_GROUP * group < b->vectors * NBCY_WIDTH ? NBCY_GROUP * group : 0;
        double radius = 0.0, far = 0.0;
        for (int axis = 0; axis < 3; axis++) {
            double low = q[axis][first], high = low;
            for (int lane = first + 1; lane < first + NBCY_GROUP; lane++) {
                low = fmin(low, q[axis][lane]);
                high = fmax(high, q[axis][lane]);
            }
            view->centre[axis][group] = 0.5 * (low + high);
            radius += 0.25 * (high - low) * (high - low);
            far += fmax(low * low, high * high);
        }
        for (int axis = 0; axis < 3; axis++)
            view->reach[axis][group] = sc->cell_length[axis] * (sqrt(radius) + 1e-15 * sqrt(far));   /* rounding of a . q */
    }
    double low = b->inverse_wavelength[0], high = low;
    for (int j = 0; j < NBCY_SWEEP; j++) {
        const int used = j < b->n_chunk;
        view->inverse_wavelength[j] = used ? b->inverse_wavelength[j] : low;
        view->weight[j] = used ? sc->sources[source + j].relative_weight : 0.0;
        low = fmin(low, view->inverse_wavelength[j]);
        high = fmax(high, view->inverse_wavelength[j]);
    }
    view->middle = 0.5 * (low + high);
    view->half = 0.5 * (high - low);
    view->largest = high;
}

/* How remote a step is, from the distance of h, k, l to the nearest node: rho, or of square crystals what the lattice
   factor, squared, has at least lost of its largest. */
NBCY_INLINE real remoteness(const nbcy_scene *sc, const real *distance)
{
    if (sc->shape != NBCY_SQUARE)
        return rho_at(sc, distance);
    real loss = nbcy_all(1.0);
    for (int axis = 0; axis < 3; axis++) {
        const real twice = 2.0 * sc->cells[axis] * distance[axis];
        loss *= nbcy_max(twice * twice, nbcy_all(1.0));
    }
    return loss;
}

/* The least remoteness that any wavelength of the chunk can have within reach of h, k, l (all before division by the
   wavelength); more is left for rounding than h, k, l and what is taken from them can lose. */
NBCY_INLINE real least_remoteness(const nbcy_scene *sc, const nbcy_view *view, const real *hkl, const real *reach)
{
    real away[3];
    for (int axis = 0; axis < 3; axis++) {
        real middle = hkl[axis] * view->middle, size = nbcy_abs(hkl[axis]);
        real spread = size * (view->half + view->largest * 1e-15) + (reach[axis] * view->largest + 1e-11);
        away[axis] = nbcy_max(nbcy_abs(middle - nbcy_rint(middle)) - spread, nbcy_all(0.0));
    }
    return remoteness(sc, away);
}

static void see_again(const nbcy_scene *sc, nbcy_view *view, int lane, double sum)
{
    if (sc->shape != NBCY_GAUSS || !(sum > 2.0 * view->bright[lane]))
        return;
    view->bright[lane] = sum;
    view->limit[lane] = fmin(view->limit[lane], (view->brightest + NBCY_HIDDEN - log(sum)) / NBCY_GAUSS_SLOPE);
    const int group = lane / NBCY_GROUP;
    double limit = view->limit[NBCY_GROUP * group];
    for (int other = 1; other < NBCY_GROUP; other++)
        limit = fmax(limit, view->limit[NBCY_GROUP * group + other]);
    view->group_limit[group] = limit;
}

NBCY_INLINE void amplitude_nearby(const nbcy_scene *sc, const nbcy_grid *grid, nbcy_block *b, const real *hkl, real *amplitude)
{
    switch (sc->shape) {
    case NBCY_SQUARE: amplitudes_at(sc, grid, b, hkl, NBCY_SQUARE, ASTRIDE, 0, 1, amplitude); break;
    case NBCY_GAUSS: amplitudes_at(sc, grid, b, hkl, NBCY_GAUSS, ASTRIDE, 0, 1, amplitude); break;
    default: amplitudes_at(sc, grid, b, hkl, NBCY_TOPHAT, ASTRIDE, 0, 1, amplitude); break;
    }
}

/* Adds one orientation and a chunk's wavelengths to one pixel; lanes are wavelengths. */
static void add_wavelengths(const nbcy_scene *sc, nbcy_block *b, nbcy_view *view, int pixel, double h, double k, double l)
{
    const nbcy_grid grid = grid_of(sc);
    const real limit = nbcy_all(view->limit[pixel]);
    real sum = nbcy_all(0.0);
    for (int j = 0; j < b->n_chunk; j += NBCY_WIDTH) {
        const real inverse_wavelength = nbcy_load(view->inverse_wavelength + j);
        const real hkl[3] = {h * inverse_wavelength, k * inverse_wavelength, l * inverse_wavelength};
        real away[3];
        for (int axis = 0; axis < 3; axis++)
            away[axis] = hkl[axis] - nbcy_rint(hkl[axis]);
        const real remote = remoteness(sc, away);
        if (!nbcy_below(remote, limit))
            continue;
        real weight = nbcy_if_less(remote, limit, nbcy_load(view->weight + j), nbcy_all(0.0)), amplitude;
        if (sc->dmin > 0.0) {
            double kept[NBCY_WIDTH];
            for (int lane = 0; lane < NBCY_WIDTH; lane++)
                kept[lane] = j + lane < b->n_chunk ? ((const double *)b->kept[j + lane])[pixel] : 0.0;
            weight *= nbcy_load(kept);
        }
        amplitude_nearby(sc, &grid, b, hkl, &amplitude);
        sum += weight * amplitude * amplitude;
    }
    const double polar = sc->oversample_polar ? ((const double *)b->polar)[pixel] : 1.0;
    double *total = (double *)b->sum_sources + pixel;
    *total += polar * view->share * nbcy_total(sum);
    see_again(sc, view, pixel, *total);
}

/* Adds one orientation and a chunk's wavelengths to those pixels of a vector that can see it; lanes are pixels. */
static void add_pixels(const nbcy_scene *sc, nbcy_block *b, nbcy_view *view, int i, real h, real k, real l, real seen)
{
    const nbcy_grid grid = grid_of(sc);
    real sum = nbcy_all(0.0);
    for (int j = 0; j < b->n_chunk; j++) {
        const double inverse_wavelength = view->inverse_wavelength[j];
        const real hkl[3] = {h * inverse_wavelength, k * inverse_wavelength, l * inverse_wavelength};
        real weight = view->weight[j] * seen, amplitude;
        if (sc->dmin > 0.0)
            weight *= b->kept[j][i];
        amplitude_nearby(sc, &grid, b, hkl, &amplitude);
        sum += weight * amplitude * amplitude;
    }
    if (sc->oversample_polar)
        sum *= b->polar[i];
    b->sum_sources[i] += view->share * sum;
    for (int lane = 0; lane < NBCY_WIDTH; lane++)
        see_again(sc, view, i * NBCY_WIDTH + lane, ((const double *)b->sum_sources)[i * NBCY_WIDTH + lane]);
}

/* One orientation, for the pixels of one group. */
static void look_closer(const nbcy_scene *sc, nbcy_block *b, nbcy_view *view, const double *cell, int group)
{
    const real none[3] = {nbcy_all(0.0), nbcy_all(0.0), nbcy_all(0.0)};
    const int first = group * NBCY_GROUP / NBCY_WIDTH;
    for (int i = first; i < first + NBCY_GROUP / NBCY_WIDTH; i++) {
        real hkl[3];
        for (int axis = 0; axis < 3; axis++)
            hkl[axis] = cell[3 * axis] * b->qx[i] + cell[3 * axis + 1] * b->qy[i] + cell[3 * axis + 2] * b->qz[i];
        const real remote = least_remoteness(sc, view, hkl, none), limit = nbcy_load(view->limit + i * NBCY_WIDTH);
        unsigned seen = nbcy_below(remote, limit);
        if (!seen)
            continue;
        if (b->n_chunk <= 2) {
            add_pixels(sc, b, view, i, hkl[0], hkl[1], hkl[2], nbcy_if_less(remote, limit, nbcy_all(1.0), nbcy_all(0.0)));
            continue;
        }
        double h[NBCY_WIDTH], k[NBCY_WIDTH], l[NBCY_WIDTH];
        nbcy_store(h, hkl[0]);
        nbcy_store(k, hkl[1]);
        nbcy_store(l, hkl[2]);
        for (; seen; seen &= seen - 1) {
            const int lane = __builtin_ctz(seen);
            add_wavelengths(sc, b, view, i * NBCY_WIDTH + lane, h[lane], k[lane], l[lane]);
        }
    }
}

/* The steps of a visit that can be seen. */
static void add_nearby(const nbcy_scene *sc, nbcy_block *b, int first_visit)
{
    FOR_LANES b->sum_sources[i] = nbcy_all(0.0);
    nbcy_view view;
    start_view(sc, b->panel, &view);
    const int groups = (b->vectors * NBCY_WIDTH + NBCY_GROUP - 1) / NBCY_GROUP;
    int n;
    for (int64_t source = 0; source < sc->n_sources; source += n) {
        n = chunk_of(sc, source, NBCY_SWEEP);
        if (!aim_sources(sc, b, source, n, first_visit))
            continue;
        view_chunk(sc, b, &view, source);
        const double *cell = sc->orientations;
        for (int64_t o = 0; o < sc->n_orientations; o++, cell += 9) {
            if ((o & 127) == 0 && stopped_after(b, 128))
                return;
            view.share = sc->orientation_weights ? sc->orientation_weights[o] : 1.0;
            for (int at = 0; at < groups; at += NBCY_WIDTH) {
                real hkl[3], reach[3];
                for (int axis = 0; axis < 3; axis++) {
                    hkl[axis] = cell[3 * axis] * nbcy_load(view.centre[0] + at) + cell[3 * axis + 1] * nbcy_load(view.centre[1] + at)
                              + cell[3 * axis + 2] * nbcy_load(view.centre[2] + at);
                    reach[axis] = nbcy_load(view.reach[axis] + at);
                }
                unsigned seen = nbcy_below(least_remoteness(sc, &view, hkl, reach), nbcy_load(view.group_limit + at));
                for (; seen && at + __builtin_ctz(seen) < groups; seen &= seen - 1)
                    look_closer(sc, b, &view, cell, at + __builtin_ctz(seen));
            }
        }
    }
}
