/* Threads that share a scene, an image and a watch make the bytes that one makes. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "scenes.h"

#define THREADS 4

typedef struct {
    const scene *s;
    const nbcy_isa *isa;
    image *out;
    const nbcy_watch *watch;
    int first;
    double solid_angle;
    int status;
} worker;

static int enough(void *state) { return __atomic_add_fetch((int *)state, 1, __ATOMIC_RELAXED) > 8; }

/* Every fourth row: neighbours in memory have different writers. */
static void *render_rows(void *of)
{
    worker *w = of;
    const nbcy_image target = {w->out->pixels, NULL, NULL};
    for (int row = w->first; row < ROWS; row += THREADS) {
        const nbcy_tile tile = {0, row, row + 1, 0, COLUMNS, row * COLUMNS, COLUMNS};
        w->status |= w->isa->render_tile(&w->s->c, &tile, &target, &w->solid_angle, w->watch);
    }
    return NULL;
}

static int render_threaded(const scene *s, const nbcy_isa *isa, image *out, const nbcy_watch *watch)
{
    pthread_t threads[THREADS];
    worker workers[THREADS];
    int status = NBCY_OK;
    for (int i = 0; i < PIXELS; i++)
        out->pixels[i] = -1.0f;
    for (int t = 0; t < THREADS; t++) {
        workers[t] = (worker){s, isa, out, watch, t, 0.0, NBCY_OK};
        CHECK(pthread_create(&threads[t], NULL, render_rows, &workers[t]) == 0, "a thread");
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        status |= workers[t].status;
    }
    return status;
}

void test_threads(void)
{
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        for (unsigned n = 0; n < 20; n++) {
            scene s;
            image alone, together;
            drawn_scene(&s, n);
            render(&s, isa, &alone);
            CHECK(render_threaded(&s, isa, &together, &nobody) == alone.status, "%s, scene %u: status", isa->name, n);
            CHECK(memcmp(alone.pixels, together.pixels, sizeof alone.pixels) == 0, "%s, scene %u: bytes", isa->name, n);
        }
        scene s;
        image made;
        int asked = 0;
        const nbcy_watch watch = {enough, &asked};
        plain_scene(&s);
        s.c.oversample = 10000;
        CHECK(render_threaded(&s, isa, &made, &watch) == NBCY_CANCELLED, "%s: all stop", isa->name);
    }
}
