/* Position, direction, solid angle, capture and polarization of pixels (physics 2 and 9). */
#include <float.h>
#include <math.h>

#include "check.h"
#include "scenes.h"

#define NEAR (16 * DBL_EPSILON)

static double length3(const double *v) { return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

static double dot3(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void test_visits(scene *s, int slow, int fast)
{
    nbcy_trace trace;
    CHECK(trace_pixel(s, slow, fast, &trace, &nobody) == NBCY_OK, "a trace");
    const int n = s->c.oversample, layers = s->c.layers;
    for (int visit = 0; visit < n * n * layers; visit++) {
        const int sub = visit / layers, layer = visit % layers;
        const double f = (fast + (sub % n + 0.5) / n) * s->panel.pixel_size, g = (slow + (sub / n + 0.5) / n) * s->panel.pixel_size;
        double at[3];
        for (int axis = 0; axis < 3; axis++) {
            at[axis] = s->panel.origin[axis] + f * s->panel.fast[axis] + g * s->panel.slow[axis]
                     + layer * s->c.layer_step * s->panel.normal[axis];
            CHECK_NEAR(trace.pixel_pos[3 * visit + axis], at[axis], NEAR * 0.1, "position %d of pixel %d %d", axis, slow, fast);
        }
        const double r = length3(at), cosine = dot3(at, s->panel.normal) / r;
        CHECK_NEAR(trace.airpath[visit], r, NEAR * r, "airpath of pixel %d %d", slow, fast);
        const double area = s->panel.pixel_size * s->panel.pixel_size;
        const double omega = s->c.point_pixel ? 1.0 / (r * r) : area * s->panel.close_distance / (r * r * r);
        CHECK_NEAR(trace.omega[visit], omega, NEAR * omega, "solid angle of pixel %d %d", slow, fast);
        const double front = exp(-s->c.mu * layer * s->c.layer_step / cosine);
        const double back = exp(-s->c.mu * (layer + 1) * s->c.layer_step / cosine);
        CHECK_NEAR(trace.capture[visit], s->c.mu > 0.0 ? front - back : 1.0, NEAR, "capture in layer %d", layer);
        for (int64_t i = 0; i < s->c.n_sources; i++) {
            const nbcy_source *source = &s->sources[i];
            const double *d = trace.diffracted + 3 * visit, c = dot3(at, source->incident) / r;
            const double psi = atan2(dot3(at, source->pol_b), dot3(at, source->pol_e));
            const double wanted = 0.5 * (1.0 + c * c - s->c.kahn_factor * cos(2.0 * psi) * (1.0 - c * c));
            CHECK_NEAR(trace.polar[visit * s->c.n_sources + i], wanted, NEAR, "polarization of pixel %d %d", slow, fast);
            for (int axis = 0; axis < 3; axis++) {
                const double q = (at[axis] / r - source->incident[axis]) * source->inverse_wavelength;
                CHECK_NEAR(trace.scattering[3 * (visit * s->c.n_sources + i) + axis], q, NEAR * 1e10, "scattering vector");
                CHECK_NEAR(d[axis], at[axis] / r, NEAR, "direction");
            }
        }
    }
    free_trace(&trace);
}

/* A square of edge 2 e at distance d has the solid angle 4 asin(e^2 / (e^2 + d^2)). */
static void test_solid_angle(const nbcy_isa *isa)
{
    scene s;
    image made;
    plain_scene(&s);
    /* as much of the detector as is square: 19 columns of 19 rows, centred on the beam */
    const nbcy_tile square = {0, 0, ROWS, 0, ROWS, 0, COLUMNS};
    const nbcy_image target = {made.pixels, NULL, NULL};
    const double edge = s.panel.pixel_size = 0.2 / ROWS, half = 0.5 * ROWS * edge, distance = 0.1;
    s.panel.origin[1] = half;
    s.panel.origin[2] = -half;
    s.c.oversample = 20;
    s.c.oversample_omega = 1;
    made.solid_angle = 0.0;
    CHECK(isa->render_tile(&s.c, &square, &target, &made.solid_angle, &nobody) == NBCY_OK, "%s", isa->name);
    const double wanted = 4.0 * asin(half * half / (half * half + distance * distance));
    /* midpoints of sub-pixels of edge e are wrong by less than (e/d)^2/4 */
    const double sub = edge / s.c.oversample / distance;
    CHECK_NEAR(made.solid_angle, wanted, wanted * sub * sub / 4.0, "%s: solid angle of a square", isa->name);
}

/* On a curved detector every pixel is as far away as the detector, at an angle of its distance along the arc. */
static void test_curved(void)
{
    scene s;
    nbcy_trace trace;
    plain_scene(&s);
    s.c.curved = 1;
    s.panel.origin[1] = 0.5 * s.panel.pixel_size;   /* row 0 holds the beam */
    trace_pixel(&s, 0, COLUMNS - 1, &trace, &nobody);
    const double arc = s.panel.origin[2] + (COLUMNS - 0.5) * s.panel.pixel_size, angle = arc / s.c.distance;
    CHECK_NEAR(trace.airpath[0], s.c.distance, NEAR * s.c.distance, "curved: airpath");
    CHECK_NEAR(trace.cos_2theta, cos(angle), NEAR, "curved: cos 2theta");
    free_trace(&trace);
}

void test_pixel(void)
{
    scene s;
    for (int variant = 0; variant < 4; variant++) {
        plain_scene(&s);
        s.c.oversample = 1 + variant;
        s.c.point_pixel = variant == 1;
        s.c.kahn_factor = 0.5 * variant - 0.7;
        s.c.layers = 1 + variant % 3;
        s.c.layer_step = 2e-4;
        s.c.mu = variant == 3 ? 0.0 : 2e3;
        s.panel.normal[0] = 0.8;   /* the sensor's, which need not be the plane's */
        s.panel.normal[1] = 0.6;
        for (int slow = 0; slow < ROWS; slow += 6)
            for (int fast = 0; fast < COLUMNS; fast += 7)
                test_visits(&s, slow, fast);
    }
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++)
        test_solid_angle(isa);
    test_curved();
}
