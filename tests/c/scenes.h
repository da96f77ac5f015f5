/* Small scenes, made without libm so that every machine draws the same. */
#ifndef SCENES_H
#define SCENES_H

#include "nbcy.h"

#define ROWS 19
#define COLUMNS 23
#define PIXELS (ROWS * COLUMNS)
#define MOST_SOURCES 40
#define MOST_ORIENTATIONS 12
#define EXTENT 9   /* of the padded grid, along each axis: indices -4 ... 4, of which -3 ... 3 are listed */

/* A scene with what it points to. */
typedef struct {
    nbcy_scene c;
    nbcy_panel panel;
    nbcy_source sources[MOST_SOURCES];
    double orientations[9 * MOST_ORIENTATIONS], first_orientations[9 * MOST_ORIENTATIONS];
    double F[EXTENT * EXTENT * EXTENT];
    float F_single[EXTENT * EXTENT * EXTENT];
    uint8_t mask[PIXELS];
} scene;

typedef struct {
    float pixels[PIXELS];
    double solid_angle;
    int status;
} image;

/* A flat detector across the beam, one source, one orientation of a square crystal, every F the same. */
void plain_scene(scene *s);

/* Number n of an endless list of scenes that have every feature with every other. */
void drawn_scene(scene *s, unsigned n);

/* Fills what follows from the rest: cell lengths, metric, single precision. Call it after changes. */
void finish_scene(scene *s, double fudge, int single);

/* In tiles; pixels that are not rendered are -1. */
void render(const scene *s, const nbcy_isa *isa, image *out);

/* As render, with somebody who may want it to stop. */
void render_watched(const scene *s, const nbcy_isa *isa, image *out, const nbcy_watch *watch);

/* One pixel's steps; free_trace is for what it points to. */
int trace_pixel(const scene *s, int slow, int fast, nbcy_trace *trace, const nbcy_watch *watch);
void free_trace(nbcy_trace *trace);

extern const nbcy_watch nobody;

/* Numbers from 0 to below 1. */
double drawn(uint64_t *state);

#endif
