/* Structure factors out of the grid: the nearest, interpolated ones, and those that are not listed. */
#include <float.h>
#include <math.h>

#include "check.h"
#include "scenes.h"

#define LISTED 3   /* indices up to this are */

/* A polynomial of third degree along each axis, which four points of each determine. */
static double cubic(const double *hkl)
{
    const double h = hkl[0], k = hkl[1], l = hkl[2];
    return 200.0 + h * (3.0 - h * (1.0 + 0.5 * h)) - 2.0 * k * k * k + 4.0 * l * h + l * l * (k - 0.25 * l);
}

static void fill(scene *s)
{
    for (int i = 0; i < EXTENT * EXTENT * EXTENT; i++) {
        const double hkl[3] = {i / (EXTENT * EXTENT) - 4.0, i / EXTENT % EXTENT - 4.0, i % EXTENT - 4.0};
        const int listed = fabs(hkl[0]) <= LISTED && fabs(hkl[1]) <= LISTED && fabs(hkl[2]) <= LISTED;
        s->F[i] = listed ? cubic(hkl) : s->c.default_F;
    }
}

static void test_traced(const scene *s, int *inside, int *outside)
{
    for (int i = 0; i < PIXELS; i++) {
        nbcy_trace trace;
        trace_pixel(s, i / COLUMNS, i % COLUMNS, &trace, &nobody);
        const double *hkl = trace.hkl_frac, *node = trace.hkl_rounded;
        int listed = 1, surrounded = 1;
        for (int axis = 0; axis < 3; axis++) {
            CHECK(node[axis] == ceil(hkl[axis] - 0.5), "the node nearest to %.17g is not %g", hkl[axis], node[axis]);
            listed &= fabs(node[axis]) <= LISTED;
            surrounded &= floor(hkl[axis]) - 1.0 >= -LISTED && floor(hkl[axis]) + 2.0 <= LISTED;
        }
        const double nearest = listed ? cubic(node) : s->c.default_F;
        if (s->c.interpolate && surrounded)
            CHECK_NEAR(trace.F_cell[0], cubic(hkl), 64 * DBL_EPSILON * 400.0, "interpolated F of pixel %d", i);
        else
            CHECK(trace.F_cell[0] == nearest, "F of pixel %d is %g instead of %g", i, trace.F_cell[0], nearest);
        *inside += surrounded;
        *outside += !listed;
        free_trace(&trace);
    }
}

/* The images of every build hold F squared. */
static void test_images(const scene *s)
{
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        image made;
        render(s, isa, &made);
        for (int i = 0; i < PIXELS; i++) {
            nbcy_trace trace;
            trace_pixel(s, i / COLUMNS, i % COLUMNS, &trace, &nobody);
            const double amplitude = trace.F_cell[0] * trace.F_latt[0];
            const double wanted = amplitude * amplitude * trace.polar[0] * trace.omega[0];
            CHECK_NEAR(made.pixels[i], wanted, (0x1p-24 + 1e-10) * wanted + 1e-14, "%s: pixel %d", isa->name, i);
            free_trace(&trace);
        }
    }
}

void test_amplitudes(void)
{
    scene s;
    for (int interpolate = 0; interpolate < 2; interpolate++) {
        for (double default_F = 0.0; default_F < 10.0; default_F += 7.0) {
            int inside = 0, outside = 0;
            plain_scene(&s);
            s.c.interpolate = interpolate;
            s.c.default_F = default_F;
            s.c.listed = 1;
            s.c.cells[0] = s.c.cells[1] = s.c.cells[2] = 2.0;
            fill(&s);
            finish_scene(&s, 1.0, 0);
            test_traced(&s, &inside, &outside);
            CHECK(inside > 20 && outside > 20, "the detector sees the list and beyond: %d, %d", inside, outside);
            test_images(&s);
        }
    }
}
