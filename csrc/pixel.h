/* Where sub-pixels are, their solid angle, and the photons a sensor layer catches (physics 2.6, 9.2 and 9.4). */

/* Rodrigues rotation, for the curved detector only (physics 2.7). */
static void rotate_about(const double *v, const double *axis, double angle, double *out)
{
    double s = sin(angle), c = cos(angle), along = dot3(axis, v) * (1.0 - c);
    out[0] = axis[0] * along + v[0] * c + (-axis[2] * v[1] + axis[1] * v[2]) * s;
    out[1] = axis[1] * along + v[1] * c + (axis[2] * v[0] - axis[0] * v[2]) * s;
    out[2] = axis[2] * along + v[2] * c + (-axis[1] * v[0] + axis[0] * v[1]) * s;
}

static void bend(const nbcy_scene *sc, nbcy_block *b)
{
    const nbcy_panel *p = b->panel;
    double ahead[3] = {sc->distance * sc->beam[0], sc->distance * sc->beam[1], sc->distance * sc->beam[2]};
    double *x = (double *)b->dx, *y = (double *)b->dy, *z = (double *)b->dz;
    for (int lane = 0; lane < b->vectors * NBCY_WIDTH; lane++) {
        double turned[3], bent[3];
        rotate_about(ahead, p->slow, y[lane] / sc->distance, turned);
        rotate_about(turned, p->fast, z[lane] / sc->distance, bent);
        x[lane] = bent[0];
        y[lane] = bent[1];
        z[lane] = bent[2];
    }
}

/* physics 2.6, of sub-pixels of edge sub; shift: which of how many. */
NBCY_INLINE void place_flat(const nbcy_block *b, int i, const double *shift, double sub, const double *origin, real *x, real *y, real *z)
{
    const double *fast = b->panel->fast, *slow = b->panel->slow;
    const real f = sub * ((b->fast[i] + b->first_fast) * shift[2] + shift[0]) + sub / 2.0;
    const real s = sub * ((b->slow[i] + b->first_slow) * shift[2] + shift[1]) + sub / 2.0;
    *x = f * fast[0] + s * slow[0] + origin[0];
    *y = f * fast[1] + s * slow[1] + origin[1];
    *z = f * fast[2] + s * slow[2] + origin[2];
}

/* Where sub-pixels are seen, and their solid angle (physics 9.2). */
static void direction_and_solid_angle(const nbcy_scene *sc, nbcy_block *b, int sub_slow, int sub_fast, int layer)
{
    const nbcy_panel *p = b->panel;
    const double sub = p->pixel_size / sc->oversample, depth = layer * sc->layer_step;
    const double area = p->pixel_size * p->pixel_size * p->close_distance;
    const double shift[3] = {sub_fast, sub_slow, sc->oversample};
    double origin[3];
    for (int axis = 0; axis < 3; axis++)
        origin[axis] = p->origin[axis] + depth * p->normal[axis];
    if (sc->curved) {
        FOR_LANES place_flat(b, i, shift, sub, origin, &b->dx[i], &b->dy[i], &b->dz[i]);
        bend(sc, b);
    }
    FOR_LANES {
        real x = b->dx[i], y = b->dy[i], z = b->dz[i];
        if (!sc->curved)
            place_flat(b, i, shift, sub, origin, &x, &y, &z);
        real r = nbcy_sqrt(x * x + y * y + z * z);
        real inverse = 1.0 / r, square = inverse * inverse;
        TRACE(b->px[i] = x; b->py[i] = y; b->pz[i] = z; b->airpath[i] = r;)
        b->dx[i] = x * inverse;
        b->dy[i] = y * inverse;
        b->dz[i] = z * inverse;
        b->omega[i] = sc->point_pixel ? square : area * square * inverse;
    }
}

/* Fraction of photons caught in one layer (physics 9.4). */
static void capture_in_layer(const nbcy_scene *sc, nbcy_block *b, int layer)
{
    const double *normal = b->panel->normal;
    const double front = -layer * sc->layer_step * sc->mu, back = -(layer + 1) * sc->layer_step * sc->mu;
    FOR_LANES {
        real along = b->dx[i] * normal[0] + b->dy[i] * normal[1] + b->dz[i] * normal[2];
        real inverse = 1.0 / nbcy_max(along, nbcy_all(1e-300));
        b->capture[i] = nbcy_exp_negative(front * inverse) - nbcy_exp_negative(back * inverse);
    }
}

static int single_visit(const nbcy_scene *sc) { return sc->oversample == 1 && sc->layers == 1; }

/* Of the first sub-pixel. */
static const real *first_omega(const nbcy_scene *sc, const nbcy_block *b)
{
    return single_visit(sc) ? b->omega : b->omega_first;
}

/* The same, of the first source. */
static const real *first_polar(const nbcy_scene *sc, const nbcy_block *b)
{
    return single_visit(sc) && sc->n_sources == 1 ? b->polar : b->polar_any;
}

/* The one that multiplies the sum (physics 9.5): 0 where dmin skips all there is, but for what is not polarized at all. */
static const real *polar_of_sum(const nbcy_scene *sc, const nbcy_block *b)
{
    return sc->dmin > 0.0 && !sc->nopolar ? b->polar_first : first_polar(sc, b);
}

/* The same, of one layer. */
static const real *first_capture(const nbcy_scene *sc, const nbcy_block *b, int layer)
{
    return sc->mu == 0.0 ? b->capture : b->capture_first + layer * (NBCY_BLOCK / NBCY_WIDTH);
}
