/* The scene that crosses from Python to C, and what C offers in return.
   All quantities are SI and were validated where the scene was built (nbcy/scene/scene.py);
   "physics 9.3" is a section of docs/physics. */
#ifndef NBCY_H
#define NBCY_H

#include <stdint.h>

/* Pixels travel through the kernel in blocks of this many lanes. */
#define NBCY_BLOCK 64

/* They may come together. */
enum nbcy_status { NBCY_OK = 0, NBCY_NO_MEMORY = 1, NBCY_CANCELLED = 2, NBCY_NOT_FINITE = 4 };

enum nbcy_shape { NBCY_SQUARE = 0, NBCY_ROUND = 1, NBCY_GAUSS = 2, NBCY_TOPHAT = 3 };

typedef struct {
    double origin[3], fast[3], slow[3], normal[3];
    double pixel_size, close_distance;
    int64_t pixels_fast;  /* row length, to address the image */
    int64_t offset;       /* of this panel's first pixel in the image */
} nbcy_panel;

typedef struct {
    double incident[3];
    double inverse_wavelength;
    int shared;                    /* a neighbour has the same direction: h, k, l are divided by the wavelength last */
    double relative_weight;        /* 1 when all sources weigh the same */
    double pol_b[3], pol_e[3];     /* E x i and i x (E x i), normalised: physics 9.3 */
    double across[2][3];           /* unit vectors along which it diverges, horizontally and vertically */
} nbcy_source;

/* What is averaged in closed form: exact.h. Vectors are seen along axes. */
typedef struct {
    int exact, rounds;             /* rounds: steps of Newton's */
    double mosaic[3], energy, divergence[2];   /* standard deviations: about the axes, rad; of the energy, relative; rad */
    double frame, spindle[3];      /* range of phi around each orientation, rad */
    double cutoff;                 /* photons that a pixel may lack */
    const double *axes;            /* nine of each orientation: principal axes of the mosaic rotation */
    double real_axes[9], reciprocal[9];   /* a, b, c (m) and a*, b*, c* (1/m), the same of all orientations */
    double stretch[9];             /* twice the exponent of L^2 of a scattering vector's distance from a node */
    double least_slope;            /* half its smallest eigenvalue */
} nbcy_average;

typedef struct {
    const nbcy_panel *panels;
    const uint8_t *mask;           /* laid out as the image; NULL: every pixel is rendered */

    int curved, point_pixel;
    double distance, beam[3];

    int oversample, oversample_omega, oversample_polar, oversample_thick;
    int layers, layer_capture;
    double layer_step, mu;         /* mu = 0: no absorption model, capture 1 */

    int nopolar;
    double kahn_factor;

    int64_t n_sources;
    const nbcy_source *sources;

    int64_t n_orientations;
    const double *orientations;        /* nine each: a, b, c */
    const double *orientation_weights; /* of each, 1 on average; NULL: all weigh the same */
    const double *first_orientations;  /* quirk phi_carryover: for the very first visit; or NULL */
    int64_t first_pixel;               /* image index of that visit; -1: none */

    int shape;
    double cells[3];
    double metric[6];              /* rho = d.M.d over fractional offsets: hh kk ll hk hl kl, fudge included */
    int skew;                      /* hk, hl, kl are not all 0 */
    int skip;                      /* leave out steps that add less than float32 can see, or than the cutoff: nearby.h */
    double cutoff;                 /* square: smallest part of the largest lattice factor, squared, that counts; 0: any */
    double cell_length[3];         /* largest |a|, |b|, |c| of any orientation */
    double largest_F;

    const double *F;               /* padded grid: physics 7.4 and nbcy/crystal/structure_factors.py */
    const float *F_single;         /* the same over largest_F, where single precision is asked for; or NULL */
    int few_cells;                 /* single precision of 32-bit fractions will do: single.h */
    double index_low[3], index_high[3];   /* of the padded grid */
    int64_t grid_k, grid_l;        /* extents of the two inner axes */
    double default_F;
    int listed;                    /* whether the grid holds a list, and not default_F alone */
    int interpolate;
    double dmin;

    nbcy_average average;

    double scale;                  /* r_e^2 fluence / steps */
    double water;                  /* photons/sr of background before polarization, solid angle, capture */
    int water_scaling;             /* quirk: water enters the sum before it is scaled */
} nbcy_scene;

/* A rectangle of pixels, half open, and where it goes: pixel (slow_begin, fast_begin) to place out, the next row pitch
   further. With pitch 0: the pixels fast_begin to fast_end of a list, each to the place it has there. */
typedef struct {
    int64_t panel, slow_begin, slow_end, fast_begin, fast_end, out, pitch;
} nbcy_tile;

/* Where photons go: rounded to float, or as they are; the other is NULL. */
typedef struct {
    float *rounded;
    double *exact;
    const int64_t *list;   /* slow and fast of each pixel, for tiles that are a part of it */
} nbcy_image;

/* Most probable unknowns (rotation, energy, divergence, phi), their widths, and the mean of (L/volume)^2. */
#define NBCY_AVERAGED 15

/* Where a traced pixel leaves its steps. Visits run over sub-pixel (slow, fast), then layer. */
typedef struct {
    double *pixel_pos, *airpath, *omega, *diffracted, *capture;      /* per visit */
    double *scattering, *polar;                                      /* per visit and source */
    uint8_t *skipped;                                                /* by dmin */
    double *hkl_frac, *hkl_rounded, *F_latt_abc, *F_latt, *F_cell;   /* per step */
    double *average;                                                 /* per visit and source: NBCY_AVERAGED of the brightest node */
    double seen, brightest;                                          /* of its nodes: F^2 L^2 in all, and of that one */
    double I_before_scaling, capture_fraction, polar_final, omega_pixel, cos_2theta;
    double background, I_pixel_final;
} nbcy_trace;

/* Whoever started the kernel may want it to stop: asked every few milliseconds, in the midst of a pixel too. What has
   been asked then returns NBCY_CANCELLED. */
typedef struct {
    int (*wants_to_stop)(void *state);
    void *state;
} nbcy_watch;

/* Renders a tile into the image; adds the solid angle its pixels were scaled by to *solid_angle. */
typedef int (*nbcy_render_tile)(const nbcy_scene *scene, const nbcy_tile *tile, const nbcy_image *image,
                                double *solid_angle, const nbcy_watch *watch);

/* Renders one pixel with every step kept. */
int nbcy_trace_pixel(const nbcy_scene *scene, int64_t panel, int64_t slow, int64_t fast, nbcy_trace *trace, const nbcy_watch *watch);

/* Whether at least one visit of this pixel is not skipped by dmin. */
int nbcy_pixel_visited(const nbcy_scene *scene, int64_t panel, int64_t slow, int64_t fast, int *visited, const nbcy_watch *watch);

/* A function of vecmath.h over an array, for tests of its accuracy. */
enum nbcy_function { NBCY_SINPI = 0, NBCY_COSPI = 1, NBCY_EXP_NEGATIVE = 2, NBCY_SPHERE = 3 };
typedef void (*nbcy_evaluate)(int function, int64_t n, const double *x, double *y);

/* The builds this processor can run, slowest first: name NULL ends the list. */
typedef struct {
    const char *name;
    nbcy_render_tile render_tile;
    nbcy_evaluate evaluate;
} nbcy_isa;

const nbcy_isa *nbcy_available_isas(void);

#endif
