/* The functions of vecmath.h over an array, for tests of their accuracy. */

void NBCY_NAME(nbcy_evaluate, NBCY_BUILD)(int function, int64_t n, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        real at = nbcy_all(x[i]), value;
        switch (function) {
        case NBCY_SINPI: value = nbcy_sinpi(at); break;
        case NBCY_COSPI: value = nbcy_cospi(at); break;
        case NBCY_EXP_NEGATIVE: value = nbcy_exp_negative(at); break;
        default: value = nbcy_sphere(at); break;
        }
        y[i] = nbcy_total(value) / NBCY_WIDTH;   /* equal lanes: exact */
    }
}
