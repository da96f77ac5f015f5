/* Lattice factors of the crystal shapes (physics 7.3). */

/* Offsets below this are a Bragg condition met exactly: the ratio of sines is then its limit N.
   Three of them still multiply to a normal double. */
#define NBCY_TINY 1e-30

/* rho from which a tophat is 0. */
#define NBCY_TOPHAT_EDGE 0.3969

/* physics 7.3, from the distance h, k, l to the nearest node. */
NBCY_INLINE real rho_at(const nbcy_scene *sc, const real *d)
{
    const double *m = sc->metric;
    real rho = m[0] * d[0] * d[0] + m[1] * d[1] * d[1] + m[2] * d[2] * d[2];
    if (sc->skew)
        rho += 2.0 * m[3] * d[0] * d[1] + 2.0 * m[4] * d[0] * d[2] + 2.0 * m[5] * d[1] * d[2];
    return rho;
}

/* physics 7.3: the lattice factors (sign dropped: only their squares count) at n places, from the distances h, k, l to the
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
