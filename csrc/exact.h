/* Gauss crystals averaged in closed form over mosaic rotation, energy, divergence and spindle (docs/averages.md).

   Of every node within reach of a pixel, the mean of exp(-2 rho/0.63) over unknowns z, each normal with unit width:
   three of the rotation, one of the energy, two of the divergence where there is any, and the spindle's angle, uniform
   over its range. Laplace's method: Newton to the most probable z, the exact Hessian there, an error function along phi.

   All vectors are seen along the principal axes of the mosaic rotation. With s_i = width_i z_i, twice the vector part of a
   quaternion, c = sqrt(1 - s.s/4) and v the scattering vector turned back by phi, the domain sees
   p = (1 + e) (v - c s x v + s x (s x v)/2), and the exponent is (p - G).B.(p - G)/2, G being the node.

   What may be left out. For 0 < t < 1 the mean of exp(-g) is at most t^(-n/2) exp(-min(g + (1 - t) z.z/2)). With m half
   the smallest eigenvalue of B, g >= m |p - G|^2 = m (|p| - |G|)^2 + m |p| |G| c^2, c being the chord between the
   directions of p and G. Energy moves |p| by at most |q e|, a rotation by w moves the chord by at most w, the spindle by half
   its range, and a deviation d of the beam |p| by d (1 + e)/lambda and the chord by 2 d/(lambda |q|); where both use d,
   each may have half of z.z. Cauchy and Schwarz join the widths, and the least sum of two squares, the distance that is
   left and the z that shortens it, is distance^2/(1/m + 2 width^2/(1 - t)). |e| above NBCY_RARE widths is rarer than
   exp(-100). A node is left out where this bound, times what the brightest could have, is below the cutoff in photons
   over the number of nodes that may come together. */

#define NBCY_RARE 16.0
#define NBCY_SHARE 0.125                    /* t */
#define NBCY_TOGETHER 1e4                   /* nodes that may be left out of one pixel */
#define NBCY_UNKNOWNS 7

/* What a source and an orientation have in common for all nodes, seen along the principal axes. */
typedef struct { double inverse_wavelength, along[3], across[2][3]; } nbcy_ray;

static void see_along(const double *axes, const double *v, double *out)
{
    for (int i = 0; i < 3; i++)
        out[i] = dot3(axes + 3 * i, v);
}

static nbcy_ray ray_of(const nbcy_source *source, const double *axes)
{
    nbcy_ray ray = {.inverse_wavelength = source->inverse_wavelength};
    see_along(axes, source->incident, ray.along);
    for (int m = 0; m < 2; m++)
        see_along(axes, source->across[m], ray.across[m]);
    return ray;
}

/* What the nodes of a block have in common. */
typedef struct {
    double per_photon;                     /* logarithm of the brightest step over the cutoff */
    double soft, energy, chord;            /* 1/m; variances over 1 - t, of |q| relative and of the chord */
    double ray;                            /* of the beam's direction, over lambda, 1/m^2 */
    double half_frame, part;               /* part of |q| that stays */
} nbcy_reach;

static nbcy_reach reach_of(const nbcy_scene *sc, const nbcy_panel *panel, const nbcy_source *source)
{
    const nbcy_average *a = &sc->average;
    const double most = fmax(a->mosaic[0], fmax(a->mosaic[1], a->mosaic[2]));
    const double ray = fmax(a->divergence[0], a->divergence[1]) * source->inverse_wavelength;
    const double part = fmax(0.5, 1.0 - NBCY_RARE * a->energy), left = 2.0 / (1.0 - NBCY_SHARE);
    const double unknowns = 4.0 + 2.0 * (ray > 0.0);
    const double nearest = sc->curved ? fmin(panel->close_distance, sc->distance) : panel->close_distance;
    const double edge = sc->point_pixel ? 1.0 : panel->pixel_size;
    const double volume = sc->cells[0] * sc->cells[1] * sc->cells[2] * sc->largest_F;
    const double brightest = sc->scale * sc->oversample * sc->oversample * sc->layers * volume * volume * (1.0 + 0.5 * fabs(sc->kahn_factor))
                           * edge * edge / (nearest * nearest) * (double)sc->n_sources;
    return (nbcy_reach){
        .per_photon = log(brightest) + log(NBCY_TOGETHER / a->cutoff) - 0.5 * unknowns * log(NBCY_SHARE),
        .soft = 1.0 / a->least_slope,
        .energy = left * a->energy * a->energy,
        .chord = left * most * most,
        .ray = 2.0 * left * ray * ray * (2.0 - part) * (2.0 - part),
        .half_frame = 0.5 * a->frame,
        .part = part,
    };
}

/* The least exponent that a node can have, from |q|, |G| and the square of the distance between them. */
NBCY_INLINE real least_exponent(const nbcy_reach *reach, real q, real g, real apart)
{
    const real along = q - g, both = nbcy_max(q * g, nbcy_all(1.0));   /* 1/m^2: node 000 has no direction */
    const real chord = nbcy_max(nbcy_sqrt(nbcy_max(apart - along * along, nbcy_all(0.0)) / both) - reach->half_frame, nbcy_all(0.0));
    const real square = q * q;
    const real radial = along * along / (reach->soft + square * reach->energy + reach->ray);
    const real across = chord * chord / (reach->soft / (reach->part * both) + reach->chord + 4.0 * reach->ray / nbcy_max(square, nbcy_all(1.0)));
    return radial + across;
}

NBCY_INLINE real dot_lanes(const real *a, const real *b) { return nbcy_fma(a[0], b[0], nbcy_fma(a[1], b[1], a[2] * b[2])); }

NBCY_INLINE void cross_lanes(const real *a, const real *b, real *out)
{
    for (int i = 0; i < 3; i++)
        out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

/* A domain's rotation and its derivatives. */
typedef struct { real s[3], c, quarter; } nbcy_turn;   /* quarter: 1/(4c) */

/* R v = v - c s x v + s x (s x v)/2 */
NBCY_INLINE void turned(const nbcy_turn *turn, const real *v, real *out)
{
    real sv[3];
    const real along = dot_lanes(turn->s, v), square = 0.5 * dot_lanes(turn->s, turn->s);
    cross_lanes(turn->s, v, sv);
    for (int i = 0; i < 3; i++)
        out[i] = v[i] * (1.0 - square) - turn->c * sv[i] + 0.5 * turn->s[i] * along;
}

/* d(R v)/ds_i . y for all i. */
NBCY_INLINE void turning(const nbcy_turn *turn, const real *v, const real *y, real *out)
{
    real t[3];
    cross_lanes(v, y, t);
    const real st = dot_lanes(turn->s, t), sv = dot_lanes(turn->s, v), sy = dot_lanes(turn->s, y), vy = dot_lanes(v, y);
    for (int i = 0; i < 3; i++)
        out[i] = turn->quarter * turn->s[i] * st - turn->c * t[i] + 0.5 * (y[i] * sv + v[i] * sy) - turn->s[i] * vy;
}

/* Steps to the most probable unknowns, and what the last of them leaves. */
typedef struct {
    real z[NBCY_UNKNOWNS];
    real lower[NBCY_UNKNOWNS][NBCY_UNKNOWNS], pivot[NBCY_UNKNOWNS], forward[NBCY_UNKNOWNS];
    real exponent;
} nbcy_laplace;

TRACE(static void start_average(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_block *b, int64_t index);)
TRACE(static void trace_node(const nbcy_scene *sc, nbcy_trace *trace, const nbcy_laplace *at, const double *hkl, double F, double square, double sum,
                             int64_t index);)

/* Exponent, gradient and Hessian at z; Gauss and Newton's without curvature. */
NBCY_INLINE void expand(const nbcy_scene *sc, const nbcy_ray *source, const real *q, const real *node, const int curved,
                        const int diverges, const int turns, nbcy_laplace *at, real *gradient, real hessian[NBCY_UNKNOWNS][NBCY_UNKNOWNS])
{
    const nbcy_average *a = &sc->average;
    const int n = 4 + 2 * diverges + turns;
    const real *z = at->z;
    const double *B = a->stretch, inverse = source->inverse_wavelength;
    real v[3] = {q[0], q[1], q[2]}, ray[2][3], bend[3][3], spin[3], spin_of_ray[2][3], spin_twice[3];
    if (diverges) {
        /* the direction (i + d)/|i + d| of the beam, and its derivatives */
        const real d[2] = {a->divergence[0] * z[4], a->divergence[1] * z[5]};
        const real slope = 1.0 / nbcy_sqrt(1.0 + d[0] * d[0] + d[1] * d[1]), cubed = slope * slope * slope;
        for (int i = 0; i < 3; i++) {
            const double e[2] = {source->across[0][i], source->across[1][i]};
            const real whole = source->along[i] + d[0] * e[0] + d[1] * e[1];
            v[i] += inverse * (source->along[i] - whole * slope);
            for (int m = 0; m < 2; m++)
                ray[m][i] = a->divergence[m] * inverse * (whole * d[m] * cubed - slope * e[m]);
            for (int m = 0; m < 3; m++) {   /* hh, hv, vv */
                const int one = m / 2, other = (m + 1) / 2;
                const real fifth = 3.0 * d[one] * d[other] * cubed * slope * slope;
                bend[m][i] = a->divergence[one] * a->divergence[other] * inverse
                           * (cubed * (e[one] * d[other] + e[other] * d[one]) + whole * ((one == other) * cubed - fifth));
            }
        }
    }
    if (turns) {
        /* turned back about the spindle; derivatives by the angle */
        const real angle = z[n - 1] * (1.0 / NBCY_PI), half = nbcy_rint(angle), part = angle - half;
        const real sign = 1.0 - 2.0 * nbcy_abs(half - 2.0 * nbcy_rint(0.5 * half));
        const real sine = sign * nbcy_sinpi(part), cosine = sign * nbcy_cospi(part);
        const real axis[3] = {nbcy_all(a->spindle[0]), nbcy_all(a->spindle[1]), nbcy_all(a->spindle[2])};
        real *each[6] = {v, ray[0], ray[1], bend[0], bend[1], bend[2]};
        for (int m = 0; m < (diverges ? 6 : 1); m++) {
            real *x = each[m], over[3];
            const real along = dot_lanes(axis, x);
            cross_lanes(axis, x, over);
            for (int i = 0; i < 3; i++)
                x[i] = x[i] * cosine - over[i] * sine + axis[i] * along * (1.0 - cosine);
        }
        cross_lanes(v, axis, spin);
        cross_lanes(spin, axis, spin_twice);
        for (int m = 0; m < 2 * diverges; m++)
            cross_lanes(ray[m], axis, spin_of_ray[m]);
    }
    nbcy_turn turn;
    for (int i = 0; i < 3; i++)
        turn.s[i] = a->mosaic[i] * z[i];
    const real w = dot_lanes(turn.s, turn.s);
    turn.c = nbcy_sqrt(nbcy_max(1.0 - 0.25 * w, nbcy_all(0.01)));
    turn.quarter = 0.25 / turn.c;
    const real stretch = 1.0 + a->energy * z[3];
    real seen[3], p[NBCY_UNKNOWNS][3], away[3], y[3];
    turned(&turn, v, seen);
    for (int i = 0; i < 3; i++)
        away[i] = stretch * seen[i] - node[i];
    for (int i = 0; i < 3; i++)
        y[i] = nbcy_fma(nbcy_all(B[3 * i]), away[0], nbcy_fma(nbcy_all(B[3 * i + 1]), away[1], B[3 * i + 2] * away[2]));
    /* derivatives of p */
    real sv[3];
    cross_lanes(turn.s, v, sv);
    const real along = dot_lanes(turn.s, v);
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        const real size = stretch * a->mosaic[i], lean = turn.s[i] * turn.quarter;
        for (int m = 0; m < 3; m++)
            p[i][m] = lean * sv[m] + 0.5 * turn.s[m] * v[i] - v[m] * turn.s[i];
        p[i][i] += 0.5 * along;
        p[i][j] += turn.c * v[k];
        p[i][k] -= turn.c * v[j];
        for (int m = 0; m < 3; m++)
            p[i][m] *= size;
        p[3][i] = a->energy * seen[i];
    }
    for (int m = 0; m < 2 * diverges; m++)
        turned(&turn, ray[m], p[4 + m]);
    if (turns)
        turned(&turn, spin, p[n - 1]);
    for (int m = 4; m < n; m++)
        for (int i = 0; i < 3; i++)
            p[m][i] *= stretch;
    /* the prior of the rotation: its angle is |s| K, and the volume of s that of the rotation vector over J */
    const real K = 1.0 + w * (1 / 24.0 + w * (3 / 640.0 + w * (5 / 7168.0)));
    const real K1 = 1 / 24.0 + w * (6 / 640.0 + w * (15 / 7168.0)), K2 = 6 / 640.0 + w * (30 / 7168.0);
    const real zz = dot_lanes(z, z), square = K * K, square1 = 2.0 * K * K1, square2 = 2.0 * (K1 * K1 + K * K2);
    const real ratio = K1 / K, spread = 1.0 + 2.0 * w * ratio;
    const real volume1 = 2.0 * (3.0 * ratio + 2.0 * (ratio + w * (K2 / K - ratio * ratio)) / spread);
    for (int i = 0; i < n; i++) {
        gradient[i] = dot_lanes(p[i], y);
        const real bp[3] = {B[0] * p[i][0] + B[1] * p[i][1] + B[2] * p[i][2], B[3] * p[i][0] + B[4] * p[i][1] + B[5] * p[i][2],
                            B[6] * p[i][0] + B[7] * p[i][1] + B[8] * p[i][2]};
        for (int j = 0; j <= i; j++)
            hessian[i][j] = dot_lanes(bp, p[j]);
        if (i < 3)
            gradient[i] += square * z[i] + (square1 * zz - volume1) * a->mosaic[i] * turn.s[i];
        else if (!turns || i < n - 1)
            gradient[i] += z[i];
        hessian[i][i] += i < 3 || !turns || i < n - 1 ? 1.0 : 0.0;
    }
    at->exponent = 0.5 * (dot_lanes(away, y) + square * zz + z[3] * z[3]);
    if (diverges)
        at->exponent += 0.5 * (z[4] * z[4] + z[5] * z[5]);
    /* -ln J, to w^3: J = 1 + 5 w/24 + ... */
    const real over = K * K * K * spread - 1.0;
    at->exponent -= over * (1.0 - over * (0.5 - over * (1 / 3.0 - over * (0.25 - over * 0.2))));
    if (!curved)
        return;
    real t[3];
    cross_lanes(v, y, t);
    const real st = dot_lanes(turn.s, t), vy = dot_lanes(v, y), lean = turn.quarter;
    const real cubic = lean * 0.25 / (turn.c * turn.c);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j <= i; j++) {
            real second = lean * (turn.s[i] * t[j] + turn.s[j] * t[i]) + cubic * turn.s[i] * turn.s[j] * st + 0.5 * (y[i] * v[j] + y[j] * v[i]);
            second = i == j ? second + lean * st - vy : second;
            real both = stretch * second + 2.0 * zz * square2 * turn.s[i] * turn.s[j];
            both = i == j ? both + zz * square1 - volume1 : both;
            hessian[i][j] += both * (a->mosaic[i] * a->mosaic[j]) + 2.0 * square1 * (z[i] * a->mosaic[j] * turn.s[j] + z[j] * a->mosaic[i] * turn.s[i]);
        }
        hessian[i][i] += square - 1.0;
    }
    real slope[3];
    turning(&turn, v, y, slope);
    for (int i = 0; i < 3; i++)
        hessian[3][i] += a->energy * a->mosaic[i] * slope[i];
    for (int m = 4; m < n; m++) {
        const real *x = turns && m == n - 1 ? spin : ray[m - 4];
        turning(&turn, x, y, slope);
        for (int i = 0; i < 3; i++)
            hessian[m][i] += stretch * a->mosaic[i] * slope[i];
        hessian[m][3] += a->energy * dot_lanes(p[m], y) / stretch;
    }
    for (int m = 0; m < 3 * diverges; m++) {
        real bent[3];
        turned(&turn, bend[m], bent);
        hessian[4 + (m + 1) / 2][4 + m / 2] += stretch * dot_lanes(bent, y);
    }
    if (turns) {
        real spun[3];
        turned(&turn, spin_twice, spun);
        hessian[n - 1][n - 1] += stretch * dot_lanes(spun, y);
        for (int m = 0; m < 2 * diverges; m++) {
            turned(&turn, spin_of_ray[m], spun);
            hessian[n - 1][4 + m] += stretch * dot_lanes(spun, y);
        }
    }
}

/* hessian = L D L', and L\gradient. A pivot that is not positive belongs to no minimum. */
NBCY_INLINE void decompose(const int n, nbcy_laplace *at, const real *gradient, real hessian[NBCY_UNKNOWNS][NBCY_UNKNOWNS])
{
    for (int j = 0; j < n; j++) {
        real pivot = hessian[j][j], forward = gradient[j];
        for (int k = 0; k < j; k++) {
            pivot -= at->lower[j][k] * at->lower[j][k] * at->pivot[k];
            forward -= at->lower[j][k] * at->forward[k];
        }
        at->pivot[j] = pivot = nbcy_max(pivot, nbcy_all(1e-3));
        at->forward[j] = forward;
        const real inverse = 1.0 / pivot;
        for (int i = j + 1; i < n; i++) {
            real x = hessian[i][j];
            for (int k = 0; k < j; k++)
                x -= at->lower[i][k] * at->lower[j][k] * at->pivot[k];
            at->lower[i][j] = x * inverse;
        }
    }
}

/* One step of Newton's; phi stays in its range, and the others follow. */
NBCY_INLINE void step(const nbcy_scene *sc, const int n, const int turns, nbcy_laplace *at)
{
    real move[NBCY_UNKNOWNS];
    for (int i = n - 1; i >= 0; i--) {
        move[i] = -at->forward[i] / at->pivot[i];
        for (int k = i + 1; k < n; k++)
            move[i] -= at->lower[k][i] * move[k];
        if (turns && i == n - 1) {
            const real to = nbcy_min(nbcy_max(at->z[i] + move[i], nbcy_all(-0.5 * sc->average.frame)), nbcy_all(0.5 * sc->average.frame));
            move[i] = to - at->z[i];
        }
    }
    for (int i = 0; i < n; i++)
        at->z[i] += move[i];
}

/* exp(x^2) erfc(x), x >= 0. */
static double scaled_erfc(double x)
{
    if (x < 4.0)
        return exp(x * x) * erfc(x);
    double tail = x;   /* a continued fraction: 1e-13 from 4 on */
    for (int k = 40; k > 0; k--)
        tail = x + 0.5 * k / tail;
    return 1.0 / (tail * 1.77245385090551602730);
}

/* Mean over the spindle's range of exp(-(g t + c t^2/2)), t counted from phi, and phi from its start. */
static double mean_over_frame(double frame, double phi, double g, double c)
{
    const double root = sqrt(0.5 * c), peak = phi - g / c;   /* where the parabola has its minimum */
    double low = -peak * root, high = (frame - peak) * root;
    if (high < 0.0 || (low < 0.0 && -low > high)) {   /* mirrored */
        const double other = -high;
        high = -low;
        low = other;
    }
    const double lift = 0.5 * g * g / c;                     /* of the exponent above that minimum */
    double parts;
    if (low >= 0.0)
        parts = exp(lift - low * low) * (scaled_erfc(low) - exp(low * low - high * high) * scaled_erfc(high));
    else
        parts = exp(lift) * (erf(high) - erf(low));
    return 0.88622692545275801365 / (root * frame) * parts;
}

/* Of a pixel and node in every lane: the mean of exp(-2 rho/0.63). */
NBCY_INLINE real laplace_mean(const nbcy_scene *sc, const nbcy_ray *source, const real *q, const real *node, const int diverges,
                              const int turns, nbcy_laplace *at)
{
    const nbcy_average *a = &sc->average;
    const int n = 4 + 2 * diverges + turns, body = n - turns;
    real gradient[NBCY_UNKNOWNS], hessian[NBCY_UNKNOWNS][NBCY_UNKNOWNS];
    for (int i = 0; i < n; i++)
        at->z[i] = nbcy_all(0.0);
    for (int round = 0; round < a->rounds; round++) {
        expand(sc, source, q, node, round > 0, diverges, turns, at, gradient, hessian);
        decompose(n, at, gradient, hessian);
        step(sc, n, turns, at);
    }
    expand(sc, source, q, node, 1, diverges, turns, at, gradient, hessian);
    decompose(n, at, gradient, hessian);
    real determinant = nbcy_all(1.0), exponent = at->exponent;
    for (int i = 0; i < body; i++) {
        determinant *= at->pivot[i];
        exponent -= 0.5 * at->forward[i] * at->forward[i] / at->pivot[i];   /* the step that is not made */
    }
    /* the rotation's prior beyond the parabola: its fourth order, averaged */
    real inverse[3][NBCY_UNKNOWNS], variance[3][3], trace = nbcy_all(0.0), weighed = trace, twice = trace;
    for (int i = 0; i < 3; i++) {
        for (int k = i; k < n; k++) {
            inverse[i][k] = nbcy_all(k == i);
            for (int m = i; m < k; m++)
                inverse[i][k] -= at->lower[k][m] * inverse[i][m];
        }
        for (int j = 0; j <= i; j++) {
            variance[i][j] = nbcy_all(0.0);
            for (int k = i; k < n; k++) {
                const real pivot = turns && k == n - 1 ? at->pivot[k] + 12.0 / (a->frame * a->frame) : at->pivot[k];
                variance[i][j] += inverse[i][k] * inverse[j][k] / pivot;
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        const double width = a->mosaic[i] * a->mosaic[i];
        trace += variance[i][i];
        weighed += width * variance[i][i];
        for (int j = 0; j < 3; j++) {
            const real both = i < j ? variance[j][i] : variance[i][j];
            twice += width * both * both;
        }
    }
    exponent += (weighed * trace + 2.0 * twice) * (1 / 24.0);
    const real mean = nbcy_exp_negative(nbcy_min(-exponent, nbcy_all(0.0))) / nbcy_sqrt(determinant);
    if (!turns)
        return mean;
    double phi[NBCY_WIDTH], g[NBCY_WIDTH], c[NBCY_WIDTH];
    nbcy_store(phi, at->z[n - 1]);
    nbcy_store(g, at->forward[n - 1]);
    nbcy_store(c, at->pivot[n - 1]);
    for (int lane = 0; lane < NBCY_WIDTH; lane++)
        phi[lane] = mean_over_frame(a->frame, phi[lane] + 0.5 * a->frame, g[lane], c[lane]);
    return mean * nbcy_load(phi);
}

static real mean_of_node(const nbcy_scene *sc, const nbcy_ray *source, const real *q, const real *node, nbcy_laplace *at)
{
    const int diverges = sc->average.divergence[0] > 0.0 || sc->average.divergence[1] > 0.0;
    switch (2 * diverges + (sc->average.frame > 0.0)) {
    case 0: return laplace_mean(sc, source, q, node, 0, 0, at);
    case 1: return laplace_mean(sc, source, q, node, 0, 1, at);
    case 2: return laplace_mean(sc, source, q, node, 1, 0, at);
    default: return laplace_mean(sc, source, q, node, 1, 1, at);
    }
}

/* A node's structure factor; the padding answers for those outside. */
static double F_of_node(const nbcy_scene *sc, const double *hkl)
{
    int64_t at[3];
    for (int axis = 0; axis < 3; axis++)
        at[axis] = (int64_t)(fmin(fmax(hkl[axis], sc->index_low[axis]), sc->index_high[axis]) - sc->index_low[axis]);
    return sc->F[(at[0] * sc->grid_k + at[1]) * sc->grid_l + at[2]];
}

/* One node, for all pixels of a block that can see it. */
static void add_node(const nbcy_scene *sc, nbcy_block *b, const nbcy_ray *source, double weight, const nbcy_reach *reach, const double *hkl,
                     const double *place, double F TRACE(, nbcy_trace *trace, int64_t index))
{
    const double volume = sc->cells[0] * sc->cells[1] * sc->cells[2], square = F * F * volume * volume * weight;
    const double dimmer = 2.0 * log(fabs(F) / sc->largest_F);
    const double size = sqrt(dot3(place, place));
    const real node[3] = {nbcy_all(place[0]), nbcy_all(place[1]), nbcy_all(place[2])};
    FOR_LANES {
        const real q[3] = {b->qx[i], b->qy[i], b->qz[i]};
        const real apart[3] = {q[0] - node[0], q[1] - node[1], q[2] - node[2]};
        const real least = least_exponent(reach, nbcy_sqrt(dot_lanes(q, q)), nbcy_all(size), dot_lanes(apart, apart));
        const real limit = nbcy_all(reach->per_photon + dimmer);
        if (!nbcy_below(least, limit))
            continue;
        nbcy_laplace at;
        real sum = square * mean_of_node(sc, source, q, node, &at);
        sum = nbcy_if_less(least, limit, sum, nbcy_all(0.0));
        TRACE(trace_node(sc, trace, &at, hkl, F, square, sum, index);)
        if (sc->oversample_polar)
            sum *= b->polar[i];
        if (sc->dmin > 0.0)
            sum *= b->kept[0][i];
        b->sum_sources[i] += sum;
    }
    (void)hkl;
}

/* All nodes in the box of h, k, l that a block can see. */
static void add_nodes(const nbcy_scene *sc, nbcy_block *b, const nbcy_source *source, const nbcy_ray *ray TRACE(, nbcy_trace *trace, int64_t index))
{
    const nbcy_average *a = &sc->average;
    const nbcy_reach reach = reach_of(sc, b->panel, source);
    double radius = 0.0;
    lane_range(b, b->qx, &b->q_centre[0], &b->q_extent[0]);
    lane_range(b, b->qy, &b->q_centre[1], &b->q_extent[1]);
    lane_range(b, b->qz, &b->q_centre[2], &b->q_extent[2]);
    radius = sqrt(dot3(b->q_extent, b->q_extent)) * (1.0 + 1e-9);
    const double centre = sqrt(dot3(b->q_centre, b->q_centre)), most = centre + radius;
    if (reach.per_photon <= 0.0)
        return;
    /* how far a node can be along q, and as a chord: as in least_exponent */
    const double radial = sqrt(reach.per_photon * (reach.soft + most * most * reach.energy + reach.ray));
    const double inner = fmax(centre - radius, 1.0);
    const double chord = reach.half_frame + sqrt(reach.per_photon * (reach.soft / (reach.part * inner * fmax(inner - radial, 0.25 * inner)) + reach.chord
                                                                     + 4.0 * reach.ray / (inner * inner)));
    const double far = radius + sqrt(radial * radial + most * (most + radial) * fmin(chord * chord, 4.0));
    double low[3], high[3];
    for (int axis = 0; axis < 3; axis++) {
        const double *real_axis = a->real_axes + 3 * axis;
        const double middle = dot3(real_axis, b->q_centre), half = far * sqrt(dot3(real_axis, real_axis)) + 1e-9;
        low[axis] = ceil(middle - half);
        high[axis] = floor(middle + half);
        if (sc->default_F == 0.0) {   /* nothing beyond the list */
            low[axis] = fmax(low[axis], sc->index_low[axis]);
            high[axis] = fmin(high[axis], sc->index_high[axis]);
        }
    }
    double hkl[3];
    for (hkl[0] = low[0]; hkl[0] <= high[0]; hkl[0]++) {
        for (hkl[1] = low[1]; hkl[1] <= high[1]; hkl[1]++) {
            if (stopped_after(b, 8))
                return;
            for (hkl[2] = low[2]; hkl[2] <= high[2]; hkl[2]++) {
                double place[3], square = 0.0;
                for (int i = 0; i < 3; i++)
                    place[i] = a->reciprocal[i] * hkl[0] + a->reciprocal[3 + i] * hkl[1] + a->reciprocal[6 + i] * hkl[2];
                for (int i = 0; i < 3; i++)
                    square += place[i] * place[i];
                const double outside = fabs(sqrt(square) - centre) - radius;
                if (outside > radial)
                    continue;
                const double F = F_of_node(sc, hkl);
                if (F != 0.0)
                    add_node(sc, b, ray, source->relative_weight, &reach, hkl, place, F TRACE(, trace, index));
            }
        }
    }
}

/* All sources, orientations and nodes within reach of a visit. */
static void add_averages(const nbcy_scene *sc, nbcy_block *b, int first_visit TRACE(, nbcy_trace *trace, int64_t visit))
{
    FOR_LANES b->sum_sources[i] = nbcy_all(0.0);
    for (int64_t j = 0; j < sc->n_sources; j++) {
        const nbcy_source *source = sc->sources + j;
        const double *axes = sc->average.axes;
        for (int64_t o = 0; o < sc->n_orientations; o++, axes += 9) {
            const int kept = aim_sources(sc, b, j, 1, first_visit && o == 0);
            TRACE(if (o == 0) trace_source(sc, trace, b, j, visit * sc->n_sources + j);)
            if (stopped_after(b, 1))
                return;
            if (!kept)
                break;
            const double scale = b->inverse_wavelength[0];
            FOR_LANES {
                const real q[3] = {b->qx[i] * scale, b->qy[i] * scale, b->qz[i] * scale};
                b->qx[i] = axes[0] * q[0] + axes[1] * q[1] + axes[2] * q[2];
                b->qy[i] = axes[3] * q[0] + axes[4] * q[1] + axes[5] * q[2];
                b->qz[i] = axes[6] * q[0] + axes[7] * q[1] + axes[8] * q[2];
            }
            const nbcy_ray ray = ray_of(source, axes);
            TRACE(const int64_t index = (visit * sc->n_sources + j) * sc->n_orientations + o;)
            TRACE(start_average(sc, trace, b, index);)
            add_nodes(sc, b, source, &ray TRACE(, trace, index));
            if (b->stopped)
                return;
        }
    }
}
