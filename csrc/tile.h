/* Tiles of the image, patch by patch. */

#include <float.h>

/* What a float rounds to infinity. */
#define NBCY_TOO_BRIGHT 0x1.ffffffp+127

typedef struct { int64_t slow, fast, rows, columns; } nbcy_patch;

/* Place of a pixel of a rectangle. */
NBCY_INLINE int64_t place_of(const nbcy_tile *tile, int64_t slow, int64_t fast)
{
    return tile->out + (slow - tile->slow_begin) * tile->pitch + (fast - tile->fast_begin);
}

/* Whether a patch holds the pixel of the very first visit, which has orientations of its own. */
static int holds_first_pixel(const nbcy_scene *sc, const nbcy_block *b, const nbcy_patch *patch)
{
    const int64_t first = sc->first_pixel - b->panel->offset, pitch = b->panel->pixels_fast;
    return sc->first_pixel >= b->panel->offset && patch->slow <= first / pitch && first / pitch < patch->slow + patch->rows
           && patch->fast <= first % pitch && first % pitch < patch->fast + patch->columns;
}

/* Fills up the last vectors with the last pixel: no special values, no branches. */
static void fill_up(nbcy_block *b, int n)
{
    double *fast = (double *)b->fast, *slow = (double *)b->slow;
    b->n = n;
    b->vectors = (n + 2 * NBCY_GROUP - 1) / (2 * NBCY_GROUP) * (2 * NBCY_GROUP / NBCY_WIDTH);   /* whole pairs */
    for (int i = n; n && i < b->vectors * NBCY_WIDTH; i++) {
        fast[i] = fast[n - 1];
        slow[i] = slow[n - 1];
    }
}

/* Takes the pixels of a patch that the mask leaves in. The pixel of the very first visit goes alone. Returns whether
   they fill the block in the order of a full patch. */
static int take_pixels(const nbcy_scene *sc, nbcy_block *b, const nbcy_tile *tile, const nbcy_patch *patch, int alone)
{
    const int rows = (int)patch->rows, columns = (int)patch->columns;
    b->first_fast = (double)patch->fast;
    b->first_slow = (double)patch->slow;
    const int whole = alone || (!sc->mask && !holds_first_pixel(sc, b, patch));
    if (whole && rows * columns == NBCY_BLOCK) {
        b->n = NBCY_BLOCK;
        b->vectors = NBCY_BLOCK / NBCY_WIDTH;
        if (!b->full) {
            memcpy(b->fast, b->column, sizeof b->fast);
            memcpy(b->slow, b->row, sizeof b->slow);
            b->full = 1;
        }
        return 1;
    }
    b->full = 0;
    double *fast = (double *)b->fast, *slow = (double *)b->slow;
    const int64_t origin = b->panel->offset + patch->slow * b->panel->pixels_fast + patch->fast;
    int n = 0;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            const int64_t index = origin + row * b->panel->pixels_fast + column;
            fast[n] = column;
            slow[n] = row;
            b->out[n] = place_of(tile, patch->slow + row, patch->fast + column);
            n += alone || ((!sc->mask || sc->mask[index]) && index != sc->first_pixel);
        }
    }
    fill_up(b, n);
    return 0;
}

/* Takes so many pixels of a list, but for those that the mask leaves out. The pixel of the very first visit ends them, and
   goes alone. Returns how many of the list are done. */
static int64_t take_listed(const nbcy_scene *sc, nbcy_block *b, const int64_t *list, int64_t begin, int64_t end, int *alone)
{
    double *fast = (double *)b->fast, *slow = (double *)b->slow;
    int64_t at = begin;
    int n = 0;
    b->full = 0;
    b->first_fast = b->first_slow = 0.0;
    *alone = 0;
    for (; at < end && n < NBCY_BLOCK; at++) {
        const int64_t index = b->panel->offset + list[2 * at] * b->panel->pixels_fast + list[2 * at + 1];
        if (sc->mask && !sc->mask[index])
            continue;
        if (index == sc->first_pixel && n)
            break;
        slow[n] = (double)list[2 * at];
        fast[n] = (double)list[2 * at + 1];
        b->out[n++] = at;
        if (index == sc->first_pixel) {
            *alone = 1;
            at++;
            break;
        }
    }
    fill_up(b, n);
    return at - begin;
}

/* Adds the solid angle of a block's pixels, and tells whether all are finite as what they will be. */
static int account(const nbcy_scene *sc, const nbcy_block *b, const nbcy_image *image, double *solid_angle)
{
    const real *omegas = sc->oversample_omega ? b->omega_sum : first_omega(sc, b);
    const double share = sc->oversample_omega ? 1.0 / (sc->oversample * sc->oversample) : 1.0;
    const double limit = image->rounded ? NBCY_TOO_BRIGHT : DBL_MAX;
    real omega = nbcy_all(0.0);
    unsigned finite = ~0u;
    FOR_LANES {
        omega += omegas[i];
        finite &= nbcy_below(nbcy_abs(b->sum[i]), nbcy_all(limit));
    }
    const int idle = b->vectors * NBCY_WIDTH - b->n;
    *solid_angle += share * (nbcy_total(omega) - idle * ((const double *)omegas)[b->n - 1]);
    const unsigned every = (1u << NBCY_WIDTH) - 1u;
    return (finite & every) == every ? NBCY_OK : NBCY_NOT_FINITE;
}

/* Puts the pixels of a block where they go, one by one. */
static void put_pixels(const nbcy_block *b, const nbcy_image *image)
{
    const double *photons = (const double *)b->sum;
    for (int i = 0; i < b->n; i++) {
        if (image->rounded)
            image->rounded[b->out[i]] = (float)photons[i];
        else
            image->exact[b->out[i]] = photons[i];
    }
}

/* Puts a full patch where it goes, in runs. */
static void put_patch(const nbcy_block *b, const nbcy_image *image, int64_t corner)
{
    const double *restrict photons = (const double *)b->sum;
    if (image->rounded) {
        float *out = image->rounded + corner;
        for (int i = 0; i < NBCY_BLOCK; i += NBCY_RUN)
            for (int lane = 0; lane < NBCY_RUN; lane++)
                out[b->run[i / NBCY_RUN] + lane] = (float)photons[i + lane];
    } else {
        double *out = image->exact + corner;
        for (int i = 0; i < NBCY_BLOCK; i += NBCY_RUN)
            for (int lane = 0; lane < NBCY_RUN; lane++)
                out[b->run[i / NBCY_RUN] + lane] = photons[i + lane];
    }
}

/* Renders a patch into the image; adds the solid angle of its pixels. */
static int render_patch(const nbcy_scene *sc, nbcy_block *b, const nbcy_tile *tile, const nbcy_patch *patch, int alone,
                        const nbcy_image *image, double *solid_angle)
{
    const int full = take_pixels(sc, b, tile, patch, alone);
    if (b->n == 0)
        return NBCY_OK;
    render_block(sc, b, alone);
    if (b->stopped)
        return NBCY_CANCELLED;
    if (full)
        put_patch(b, image, place_of(tile, patch->slow, patch->fast));
    else
        put_pixels(b, image);
    return account(sc, b, image, solid_angle);
}

/* Renders the part of a list that is a tile. */
static int render_listed(const nbcy_scene *sc, nbcy_block *b, const nbcy_tile *tile, const nbcy_image *image, double *solid_angle)
{
    int status = NBCY_OK, alone;
    for (int64_t at = tile->fast_begin; at < tile->fast_end;) {
        at += take_listed(sc, b, image->list, at, tile->fast_end, &alone);
        if (b->n == 0)
            continue;
        render_block(sc, b, alone);
        if (b->stopped)
            return NBCY_CANCELLED;
        put_pixels(b, image);
        status |= account(sc, b, image, solid_angle);
    }
    return status;
}

/* Renders a rectangle, patch by patch. */
static int render_rectangle(const nbcy_scene *sc, nbcy_block *b, const nbcy_tile *tile, const nbcy_image *image, double *solid_angle)
{
    int status = NBCY_OK;
    const int64_t rows = tile->slow_end - tile->slow_begin;
    /* square patches hold few reflections */
    const int64_t patch_rows = rows < 8 ? rows : 8, patch_columns = NBCY_BLOCK / patch_rows;
    for (int lane = 0; lane < NBCY_BLOCK; lane++) {
        /* groups of eight are as compact as the patch allows */
        const int64_t group = lane / 8, in_group = lane % 8;
        const int64_t column = patch_rows < 8 ? lane % patch_columns : group % 2 * 4 + in_group % 4;
        const int64_t row = patch_rows < 8 ? lane / patch_columns : group / 2 * 2 + in_group / 4;
        ((double *)b->column)[lane] = (double)column;
        ((double *)b->row)[lane] = (double)row;
        if (lane % NBCY_RUN == 0)
            b->run[lane / NBCY_RUN] = row * tile->pitch + column;
    }
    for (int64_t slow = tile->slow_begin; slow < tile->slow_end; slow += patch_rows) {
        for (int64_t fast = tile->fast_begin; fast < tile->fast_end; fast += patch_columns) {
            nbcy_patch patch = {slow, fast, tile->slow_end - slow, tile->fast_end - fast};
            patch.rows = patch.rows < patch_rows ? patch.rows : patch_rows;
            patch.columns = patch.columns < patch_columns ? patch.columns : patch_columns;
            status |= render_patch(sc, b, tile, &patch, 0, image, solid_angle);
            if (status & NBCY_CANCELLED)
                return status;
        }
    }
    const nbcy_patch all = {tile->slow_begin, tile->fast_begin, rows, tile->fast_end - tile->fast_begin};
    if (holds_first_pixel(sc, b, &all)) {
        const int64_t first = sc->first_pixel - b->panel->offset, pitch = b->panel->pixels_fast;
        const nbcy_patch pixel = {first / pitch, first % pitch, 1, 1};
        status |= render_patch(sc, b, tile, &pixel, 1, image, solid_angle);
    }
    return status;
}

int NBCY_NAME(nbcy_render_tile, NBCY_BUILD)(const nbcy_scene *sc, const nbcy_tile *tile, const nbcy_image *image,
                                          double *solid_angle, const nbcy_watch *watch)
{
    nbcy_block *b = new_block(sc, watch);
    if (!b)
        return NBCY_NO_MEMORY;
    double total = 0.0;   /* here and not where the caller keeps it, next to other threads' */
    b->panel = &sc->panels[tile->panel];
    const int status = (tile->pitch ? render_rectangle : render_listed)(sc, b, tile, image, &total);
    *solid_angle += total;
    free_block(b);
    return status;
}
