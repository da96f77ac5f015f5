/* Whoever wants the kernel to stop is asked in the midst of a pixel, and then it stops. */
#include "check.h"
#include "scenes.h"

typedef struct { int asked, last; } patience;

static int count(void *state)
{
    patience *p = state;
    return ++p->asked >= p->last;
}

static void test_scene(const scene *s, const char *what)
{
    const nbcy_tile pixel = {0, 3, 4, 3, 4, 0, 1};
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        float pixels[PIXELS];
        double solid_angle = 0.0;
        patience p = {0, 3};
        const nbcy_image target = {pixels, NULL, NULL};
        const nbcy_watch watch = {count, &p};
        const int status = isa->render_tile(&s->c, &pixel, &target, &solid_angle, &watch);
        CHECK(status == NBCY_CANCELLED && p.asked == 3, "%s, %s: status %d after %d questions", isa->name, what, status, p.asked);
    }
}

void test_stopping(void)
{
    static double orientations[9 * 5000];
    scene s;
    plain_scene(&s);
    s.c.oversample = 10000;
    test_scene(&s, "many sub-pixels");
    s.c.shape = NBCY_GAUSS;
    s.c.skip = 1;
    test_scene(&s, "many sub-pixels, skipping");
    s.c.skip = 0;
    s.c.dmin = 1.0;
    test_scene(&s, "sub-pixels that dmin skips");
    patience p = {0, 3};
    const nbcy_watch watch = {count, &p};
    int visited;
    CHECK(nbcy_pixel_visited(&s.c, 0, 3, 3, &visited, &watch) == NBCY_CANCELLED && p.asked == 3, "asked %d times", p.asked);

    plain_scene(&s);
    for (int i = 0; i < 9 * 5000; i++)
        orientations[i] = s.orientations[i % 9];
    s.c.orientations = orientations;
    s.c.n_orientations = 5000;
    test_scene(&s, "many orientations of one visit");
    s.c.shape = NBCY_TOPHAT;
    s.c.skip = 1;
    test_scene(&s, "many orientations of one visit, skipping");
    nbcy_trace trace;
    p.asked = 0;
    CHECK(trace_pixel(&s, 3, 3, &trace, &watch) == NBCY_CANCELLED && p.asked == 3, "asked %d times", p.asked);
    free_trace(&trace);
}
