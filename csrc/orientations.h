/* All orientations and sources of a visit. */

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

static void multiply_sums(nbcy_block *b, double factor)
{
    for (int j = 0; j < b->n_chunk; j++)
        FOR_LANES b->sum_orientations[j][i] *= factor;
}

/* All orientations for the sources of one chunk. Where they have weights, the sums are in units of the last one's. */
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
    const double *weights = sc->orientation_weights;
    double unit = weights ? weights[0] : 1.0;
    for (int64_t o = 0; o < sc->n_orientations; o++, cell += 9) {
        if (stopped_after(b, b->n_chunk))
            return;
        if (weights && weights[o] != unit) {
            multiply_sums(b, unit / weights[o]);
            unit = weights[o];
        }
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
    if (unit != 1.0)
        multiply_sums(b, unit);
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
        if (stopped_after(b, 1))
            return;
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
