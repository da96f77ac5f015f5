/* Steps of one orientation: a block of pixels times the wavelengths of a chunk. */

/* Adds F^2 L^2 of one orientation to the sums of the sources of the chunk (physics 7.2 and 7.6). */
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
