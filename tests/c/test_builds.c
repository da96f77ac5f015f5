/* Scenes with every feature: all builds make one image, of which every pixel is what its trace says. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "scenes.h"

static int rendered(const nbcy_scene *c, int i) { return !c->mask || c->mask[i]; }

static double brightest(const image *made)
{
    double most = 0.0;
    for (int i = 0; i < PIXELS; i++)
        most = fmax(most, made->pixels[i]);
    return most;
}

/* Double precision: two roundings to float, and the arithmetic of fringes. Single: docs/speed.md, of two builds. */
static double allowed(const nbcy_scene *c, double value, double most)
{
    return c->F_single ? 4e-6 * value + 2e-7 * most : 0x1p-23 * value + 1e-11 * most + 1e-44;
}

static void test_traced(const scene *s, unsigned n, const image *made)
{
    const double most = brightest(made);
    for (int i = (int)n % 7; i < PIXELS; i += 7) {
        if (!rendered(&s->c, i) && i != s->c.first_pixel)
            continue;
        nbcy_trace trace;
        CHECK(trace_pixel(s, i / COLUMNS, i % COLUMNS, &trace, &nobody) == NBCY_OK, "a trace");
        CHECK_NEAR(made->pixels[i], trace.I_pixel_final, allowed(&s->c, trace.I_pixel_final, most), "scene %u: pixel %d and its trace", n, i);
        free_trace(&trace);
    }
}

static void test_scene(unsigned n)
{
    scene s;
    image first, made;
    drawn_scene(&s, n);
    const nbcy_isa *isa = nbcy_available_isas();
    render(&s, isa, &first);
    CHECK(first.status == NBCY_OK, "scene %u: status %d", n, first.status);
    for (int i = 0; i < PIXELS; i++)
        CHECK(rendered(&s.c, i) || i == s.c.first_pixel ? first.pixels[i] >= 0.0f : first.pixels[i] == -1.0f, "scene %u: pixel %d", n, i);
    const double most = brightest(&first);
    for (isa++; isa->name; isa++) {
        render(&s, isa, &made);
        CHECK(made.status == first.status, "%s, scene %u: status %d", isa->name, n, made.status);
        CHECK_NEAR(made.solid_angle, first.solid_angle, 1e-12 * first.solid_angle, "%s, scene %u: solid angle", isa->name, n);
        for (int i = 0; i < PIXELS; i++)
            CHECK_NEAR(made.pixels[i], first.pixels[i], allowed(&s.c, fabsf(first.pixels[i]), most), "%s, scene %u: pixel %d", isa->name, n, i);
    }
    test_traced(&s, n, &made);
}

/* What is left out cannot be seen. */
static void test_skipping(unsigned n)
{
    scene s;
    image all, some;
    drawn_scene(&s, n);
    if (!s.c.skip)
        return;
    s.c.F_single = NULL;   /* what is not left out is in double */
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        s.c.skip = 1;
        render(&s, isa, &some);
        s.c.skip = 0;
        render(&s, isa, &all);
        for (int i = 0; i < PIXELS; i++)
            CHECK_NEAR(some.pixels[i], all.pixels[i], 0x1p-23 * fabsf(all.pixels[i]), "%s, scene %u: pixel %d", isa->name, n, i);
    }
}

static void test_too_bright(void)
{
    scene s;
    image made;
    plain_scene(&s);
    s.c.scale = 1e300;
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        render(&s, isa, &made);
        CHECK(made.status == NBCY_NOT_FINITE, "%s: status %d", isa->name, made.status);
    }
}

void test_builds(void)
{
    for (unsigned n = 0; n < (unsigned)drawn_scenes; n++) {
        test_scene(n);
        test_skipping(n);
    }
    test_too_bright();
}
