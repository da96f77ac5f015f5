/* The kernel's functions against long double, in every build; tests/test_vecmath.py says where the bounds are from. */
#include <float.h>
#include <math.h>

#include "check.h"
#include "scenes.h"

#define PI_L 3.14159265358979323846264338327950288L
#define POINTS 1000

static long double sphere(long double y)
{
    const long double x = PI_L * y, t = x * x;
    if (x < 0.1L)   /* sin x - x cos x would cancel */
        return 1.0L - t / 10.0L * (1.0L - t / 28.0L * (1.0L - t / 54.0L * (1.0L - t / 88.0L)));
    return 3.0L * (sinl(x) - x * cosl(x)) / (x * x * x);
}

static void test_build(const nbcy_isa *isa)
{
    double x[POINTS], y[POINTS];
    uint64_t state = 1;
    for (int i = 0; i < POINTS; i++)
        x[i] = i < POINTS / 2 ? drawn(&state) - 0.5 : pow(10.0, -30.0 * drawn(&state)) * (i % 2 ? 0.5 : -0.5);
    isa->evaluate(NBCY_SINPI, POINTS, x, y);
    for (int i = 0; i < POINTS; i++) {
        const long double wanted = sinl(PI_L * x[i]);
        CHECK_NEAR(y[i], wanted, (1.5e-16 + 6 * DBL_EPSILON) * fabsl(wanted), "%s: sin(pi %.17g)", isa->name, x[i]);
    }
    isa->evaluate(NBCY_COSPI, POINTS, x, y);
    for (int i = 0; i < POINTS; i++)
        CHECK_NEAR(y[i], cosl(PI_L * x[i]), 3 * DBL_EPSILON, "%s: cos(pi %.17g)", isa->name, x[i]);
    for (int i = 0; i < POINTS; i++)
        x[i] = i < POINTS / 2 ? -708.0 * drawn(&state) : -pow(10.0, -18.0 * drawn(&state));
    isa->evaluate(NBCY_EXP_NEGATIVE, POINTS, x, y);
    for (int i = 0; i < POINTS; i++)
        CHECK_NEAR(y[i], expl(x[i]), 2 * DBL_EPSILON * expl(x[i]), "%s: exp(%.17g)", isa->name, x[i]);
    for (int i = 0; i < POINTS; i++)
        x[i] = i < POINTS / 2 ? drawn(&state) : 1.0 + 2000.0 * drawn(&state);
    isa->evaluate(NBCY_SPHERE, POINTS, x, y);
    for (int i = 0; i < POINTS; i++) {
        const long double wanted = sphere(x[i]), envelope = 3.0L / (PI_L * x[i] * PI_L * x[i]);
        const double allowed = i < POINTS / 2 ? 25 * DBL_EPSILON * fabsl(wanted) : 8 * DBL_EPSILON * envelope;
        CHECK_NEAR(y[i], wanted, allowed, "%s: sphere(%.17g)", isa->name, x[i]);
    }
    const double ends[4] = {0.0, -708.1, -1e300, -INFINITY};
    isa->evaluate(NBCY_EXP_NEGATIVE, 4, ends, y);
    CHECK(y[0] == 1.0 && y[1] == 0.0 && y[2] == 0.0 && y[3] == 0.0, "%s: exp at its ends", isa->name);
    isa->evaluate(NBCY_SPHERE, 1, ends, y);
    CHECK(y[0] == 1.0, "%s: sphere(0)", isa->name);
}

void test_vecmath(void)
{
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++)
        test_build(isa);
}
