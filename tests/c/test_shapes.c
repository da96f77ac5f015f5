/* Lattice factors (physics 7) of traced steps, and one-step pixels of every build made of them by hand. */
#include <float.h>
#include <math.h>

#include "check.h"
#include "scenes.h"

#define PI_L 3.14159265358979323846264338327950288L

static long double sine_ratio(long double n, long double h)
{
    const long double offset = h - roundl(h), under = sinl(PI_L * offset);
    return under == 0.0L ? n : sinl(PI_L * n * offset) / under;
}

/* At fractional indices; offsets from the nearest node. */
static long double lattice_factor(const nbcy_scene *c, const double *hkl)
{
    long double rho = 0.0L, product = 1.0L, volume = 1.0L;
    for (int axis = 0; axis < 3; axis++) {
        const long double offset = (long double)hkl[axis] - ceill((long double)hkl[axis] - 0.5L);
        rho += c->metric[axis] * offset * offset;
        product *= fabsl(sine_ratio(c->cells[axis], hkl[axis]));
        volume *= c->cells[axis];
    }
    if (c->shape == NBCY_SQUARE)
        return product;
    if (c->shape == NBCY_GAUSS)
        return volume * expl(-rho / 0.63L);
    if (c->shape == NBCY_TOPHAT)
        return rho < 0.3969L ? volume : 0.0L;
    const long double x = PI_L * sqrtl(rho);
    const long double sphere = x < 0.01L ? 1.0L - x * x / 10.0L : 3.0L * (sinl(x) - x * cosl(x)) / (x * x * x);
    return volume * 0.723601254558268L * sphere;
}

static void test_shape(int shape, double cells)
{
    scene s;
    plain_scene(&s);
    s.c.shape = shape;
    for (int axis = 0; axis < 3; axis++)
        s.c.cells[axis] = cells + axis;
    finish_scene(&s, shape == NBCY_ROUND ? 1.5 : 0.3, 0);
    const double volume = s.c.cells[0] * s.c.cells[1] * s.c.cells[2];
    double wanted[PIXELS], brightest = 0.0;
    for (int i = 0; i < PIXELS; i++) {
        nbcy_trace trace;
        trace_pixel(&s, i / COLUMNS, i % COLUMNS, &trace, &nobody);
        const double lattice = (double)lattice_factor(&s.c, trace.hkl_frac);
        /* each sine at most by 6, sphere and exp by less, and N h by N roundings of h, which is exact here */
        CHECK_NEAR(fabs(trace.F_latt[0]), fabs(lattice), 64 * DBL_EPSILON * volume, "shape %d: lattice factor of pixel %d", shape, i);
        CHECK(trace.F_cell[0] == s.c.default_F, "F of pixel %d", i);
        const double amplitude = lattice * s.c.default_F;
        wanted[i] = s.c.scale * amplitude * amplitude * trace.polar[0] * trace.omega[0];
        brightest = fmax(brightest, wanted[i]);
        free_trace(&trace);
    }
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        image made;
        render(&s, isa, &made);
        CHECK(made.status == NBCY_OK, "%s: status %d", isa->name, made.status);
        for (int i = 0; i < PIXELS; i++)   /* half a unit of float, and h's last place times the slope of the fringes */
            CHECK_NEAR(made.pixels[i], wanted[i], 0x1p-24 * wanted[i] + 1e-12 * brightest, "%s, shape %d: pixel %d", isa->name, shape, i);
    }
}

void test_shapes(void)
{
    for (int shape = NBCY_SQUARE; shape <= NBCY_TOPHAT; shape++) {
        test_shape(shape, 1.0);
        test_shape(shape, 7.0);
        test_shape(shape, 40.0);
    }
}
