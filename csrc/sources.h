/* What sources make of a direction: scattering vector, whether dmin skips it, polarization (physics 7.1, 9.3). */

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

/* The polarization of the first sub-pixel and source that dmin does not skip (physics 9.5). */
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
