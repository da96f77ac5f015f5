/* All visits of a block of pixels (sub-pixels and sensor layers), summed and scaled to photons (physics 9.1, 9.6). */

/* What is oversampled of solid angle and capture (physics 9.5). */
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

/* physics 9: all visits and steps of a block of pixels; leaves each pixel's photons in b->sum, or stops. A pixel that goes
   alone is that of the very first visit. */
static void render_block(const nbcy_scene *sc, nbcy_block *b, int alone TRACE(, nbcy_trace *trace))
{
    const int subs = sc->oversample * sc->oversample;   /* at most 1e8: nbcy/scene/scene.py */
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
            direction_and_solid_angle(sc, b, sub / sc->oversample, sub % sc->oversample, layer);
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
            if (sc->average.exact)
                add_averages(sc, b, first TRACE(, trace, visit));
#ifndef NBCY_TRACING
            else if (sc->skip && !alone)
                add_nearby(sc, b, first);
#endif
            else
                add_all(sc, b, first, &own_orientations TRACE(, trace, visit));
            if (b->stopped)
                return;
            TRACE(visit++;)
            TRACE(b->sum_visits[0] += visit_factor(sc, b, 0) * b->sum_sources[0];)
            if (!single)
                FOR_LANES b->sum[i] += visit_sum(sc, b, i, layer);
        }
    }
    const real *capture_last = first_capture(sc, b, sc->layers - 1);
    const real *polar_any = first_polar(sc, b), *polar_first = polar_of_sum(sc, b);
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
