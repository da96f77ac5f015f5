/* Pixels on their way through the kernel: blocks of 64, in vectors of lanes, with what each step leaves for the next. */
#include <stdlib.h>

#include "nbcy.h"
#include "vecmath.h"

/* Sources that share a direction and differ in wavelength are rendered together, so many at a time; compact shapes
   look at more. */
#define NBCY_CHUNK 16
#define NBCY_SWEEP 64

/* A block's steps (one orientation and wavelength each) after which the watch is asked: from 0.1 ms on, at most 20 ms. */
#define NBCY_PATIENCE 1024

/* Lanes that are neighbours in a row of a full patch. */
#define NBCY_RUN 4

/* Lanes that are compact on the detector; no vector is wider. */
#define NBCY_GROUP 8

/* Vectors whose steps are computed side by side: independent work for processors to find. Blocks hold whole pairs. */
#define NBCY_ABREAST (NBCY_WIDTH > 1 ? 2 : 1)

typedef real nbcy_lanes[NBCY_BLOCK / NBCY_WIDTH];

typedef struct {
    const nbcy_watch *watch;
    int unasked, stopped;                  /* steps since the watch was asked; whether it wants to stop */
    int n, vectors;                        /* pixels in use; idle lanes of the last vector repeat the last pixel */
    const nbcy_panel *panel;
    int64_t out[NBCY_BLOCK];               /* places of the pixels in what is rendered */
    double first_fast, first_slow;         /* pixel at the patch's corner */
    nbcy_lanes fast, slow;                 /* pixels, counted from there */
    nbcy_lanes column, row;                /* the same of a full patch */
    int full;                              /* whether fast and slow are those */
    int64_t run[NBCY_BLOCK / NBCY_RUN];    /* where its runs start, seen from its corner */
    nbcy_lanes dx, dy, dz;                 /* unit vector to the current sub-pixel */
    nbcy_lanes qx, qy, qz;                 /* scattering vector (1/m), or, of several wavelengths, times each */
    nbcy_lanes omega, capture, polar;      /* of the current visit: one sub-pixel, layer, direction */
    nbcy_lanes omega_first, omega_sum, capture_total, polar_first, polar_seen, polar_any;
    nbcy_lanes sum_sources, sum_visits, sum;
    double q_centre[3], q_extent[3];       /* of a box around the scattering vectors of all lanes */
    int n_chunk, scaled;                   /* scaled: the scattering vectors are still to be divided by each wavelength */
    double inverse_wavelength[NBCY_SWEEP];
    nbcy_lanes kept[NBCY_SWEEP];           /* 0 where dmin skips */
    nbcy_lanes sum_orientations[NBCY_CHUNK];
#ifdef NBCY_TRACING
    nbcy_lanes px, py, pz, airpath;        /* the sub-pixel's position and distance */
    nbcy_lanes h, k, l, lattice;           /* of the last step */
    int64_t reflection;                    /* its index into the padded grid */
#endif
    real *capture_first;                   /* [layer][vector]: of the first sub-pixel */
} nbcy_block;

#ifdef NBCY_TRACING   /* what keeps the steps stands in kernel_trace.c */
#define TRACE(...) __VA_ARGS__
static void trace_visit(nbcy_trace *trace, const nbcy_block *b, int64_t visit);
static void trace_source(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t source, int64_t index);
static void trace_step(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index);
static void trace_chain(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, double inside, double outside);
#else
#define TRACE(...)
#endif
#define FOR_LANES for (int i = 0; i < b->vectors; i++)

NBCY_INLINE double dot3(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static __attribute__((noinline, cold)) void ask_watch(nbcy_block *b)
{
    b->unasked = 0;
    b->stopped |= b->watch->wants_to_stop(b->watch->state);
}

/* Whether to stop, once so many more steps are done. */
NBCY_INLINE int stopped_after(nbcy_block *b, int steps)
{
    b->unasked += steps;
    if (b->unasked >= NBCY_PATIENCE)
        ask_watch(b);
    return b->stopped;
}

static void free_block(nbcy_block *b)
{
    free(b->capture_first);
    free(b);
}

static void *new_lanes(size_t size)
{
    return aligned_alloc(64, (size + 63) / 64 * 64);
}

static nbcy_block *new_block(const nbcy_scene *sc, const nbcy_watch *watch)
{
    nbcy_block *b = new_lanes(sizeof *b);
    if (!b)
        return NULL;
    b->capture_first = new_lanes(sizeof(nbcy_lanes) * (size_t)sc->layers);
    if (!b->capture_first) {
        free(b);
        return NULL;
    }
    b->watch = watch;
    b->unasked = b->stopped = b->full = 0;
    if (sc->mu == 0.0) {   /* no absorption: for good */
        for (int i = 0; i < NBCY_BLOCK / NBCY_WIDTH; i++) {
            b->capture[i] = nbcy_all(1.0);
            b->capture_total[i] = nbcy_all(sc->layers);
        }
    }
    return b;
}
