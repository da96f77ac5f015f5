/* Physics 8. Variables are float where the reference's are: their rounding is part of the stream. */
#include "rng.h"

#include <math.h>

#define MODULUS 2147483647
#define MULTIPLIER 16807
#define QUOTIENT 127773
#define REMAINDER 2836
#define WARM_UP 8
#define PI 3.14159265358979323846

static int32_t park_miller(int32_t state)
{
    /* Schrage: multiplier * state modulo 2^31 - 1 within 32 bits */
    const int32_t k = state / QUOTIENT;
    state = MULTIPLIER * (state - k * QUOTIENT) - REMAINDER * k;
    return state < 0 ? state + MODULUS : state;
}

void nbcy_stream_seed(nbcy_stream *stream, int32_t seed)
{
    stream->state = seed;
    for (int i = 0; i < WARM_UP; i++)
        stream->state = park_miller(stream->state);
    for (int i = NBCY_SHUFFLE - 1; i >= 0; i--)
        stream->table[i] = stream->state = park_miller(stream->state);
    stream->last = stream->table[0];
    stream->has_gauss = 0;
}

float nbcy_uniform(nbcy_stream *stream)
{
    const double largest = 1.0 - 1.2e-7;
    const int32_t slot = stream->last / (1 + (MODULUS - 1) / NBCY_SHUFFLE);
    stream->last = stream->table[slot];
    stream->table[slot] = stream->state = park_miller(stream->state);
    const float x = (float)(stream->last * (1.0 / MODULUS));
    return x > largest ? (float)largest : x;
}

float nbcy_gauss(nbcy_stream *stream)
{
    float v1, v2, r;
    if (stream->has_gauss) {
        stream->has_gauss = 0;
        return stream->gauss;
    }
    do {
        v1 = 2.0 * nbcy_uniform(stream) - 1.0;
        v2 = 2.0 * nbcy_uniform(stream) - 1.0;
        r = v1 * v1 + v2 * v2;
    } while (r >= 1.0f || r == 0.0f);
    const float f = sqrt(-2.0 * log(r) / r);
    stream->gauss = v1 * f;
    stream->has_gauss = 1;
    return v2 * f;
}

/* ln of the gamma function by Lanczos' six terms */
static float log_gamma(float argument)
{
    static const double c[6] = {76.18009172947146, -86.50532032941677, 24.01409824083091,
                                -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5};
    const double x = argument;
    const double tmp = x + 5.5 - (x + 0.5) * log(x + 5.5);
    double series = 1.000000000190015;
    for (int j = 0; j < 6; j++)
        series += c[j] / (x + (j + 1));
    return (float)(-tmp + log(2.5066282746310005 * series / x));
}

float nbcy_poisson(nbcy_stream *stream, float mean)
{
    float count, t;
    if (mean > 1e6) {
        const float deviate = nbcy_gauss(stream);
        return mean + sqrt(mean) * deviate;
    }
    if (mean < 12.0f) {
        const float g = exp(-mean);
        count = -1.0f;
        t = 1.0f;
        do {
            count += 1.0f;
            t *= nbcy_uniform(stream);
        } while (t > g);
        return count;
    }
    const float q = sqrt(2.0 * mean);
    const float lambda = log(mean);
    const float g = mean * lambda - log_gamma(mean + 1.0f);
    do {
        float y;
        do {
            y = tan(PI * nbcy_uniform(stream));
            count = q * y + mean;
        } while (count < 0.0f);
        count = floor(count);
        t = 0.9 * (1.0 + y * y) * exp(count * lambda - log_gamma(count + 1.0f) - g);
    } while (nbcy_uniform(stream) > t);
    return count;
}

size_t nbcy_poisson_fill(nbcy_stream *stream, const float *mean, float *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(mean[i] >= 0.0f && isfinite(mean[i])))
            return i;
    for (size_t i = 0; i < n; i++)
        counts[i] = nbcy_poisson(stream, mean[i]);
    return n;
}
