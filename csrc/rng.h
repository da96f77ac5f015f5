/* The reference's random numbers (physics 8), to the last bit. */
#ifndef NBCY_RNG_H
#define NBCY_RNG_H

#include <stddef.h>
#include <stdint.h>

#define NBCY_SHUFFLE 32

typedef struct {
    int32_t state;                 /* of the Park-Miller generator, 1 ... 2^31 - 2 */
    int32_t last;                  /* what was drawn last: selects the next table entry */
    int32_t table[NBCY_SHUFFLE];   /* Bays-Durham shuffle */
    int has_gauss;
    float gauss;                   /* second deviate of the last pair */
} nbcy_stream;

/* seed: 1 ... 2^31 - 2 */
void nbcy_stream_seed(nbcy_stream *stream, int32_t seed);

/* in (0, 1), float32: physics 8.1 */
float nbcy_uniform(nbcy_stream *stream);

/* mean 0, variance 1: physics 8.4 */
float nbcy_gauss(nbcy_stream *stream);

/* mean: finite, not negative: physics 8.3 */
float nbcy_poisson(nbcy_stream *stream, float mean);

/* One deviate for each mean, in order. Returns n, or the index of the first mean that is negative or not finite
   (nothing is drawn then). */
size_t nbcy_poisson_fill(nbcy_stream *stream, const float *mean, float *counts, size_t n);

#endif
