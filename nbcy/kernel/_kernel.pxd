"""What the C side offers: see csrc/nbcy.h."""

from libc.stdint cimport int64_t, uint8_t


cdef extern from "nbcy.h" nogil:
    enum: NBCY_OK
    enum: NBCY_NO_MEMORY
    enum: NBCY_CANCELLED
    enum: NBCY_NOT_FINITE

    ctypedef struct nbcy_panel:
        double origin[3]
        double fast[3]
        double slow[3]
        double normal[3]
        double pixel_size
        double close_distance
        int64_t pixels_fast
        int64_t offset

    ctypedef struct nbcy_source:
        double incident[3]
        double inverse_wavelength
        int shared
        double relative_weight
        double pol_b[3]
        double pol_e[3]
        double across[2][3]

    enum: NBCY_AVERAGED

    ctypedef struct nbcy_average:
        int exact
        int rounds
        double mosaic[3]
        double energy
        double divergence[2]
        double frame
        double spindle[3]
        double cutoff
        const double *axes
        double real_axes[9]
        double reciprocal[9]
        double stretch[9]
        double least_slope

    ctypedef struct nbcy_scene:
        const nbcy_panel *panels
        const uint8_t *mask
        int curved
        int point_pixel
        double distance
        double beam[3]
        int oversample
        int oversample_omega
        int oversample_polar
        int oversample_thick
        int layers
        int layer_capture
        double layer_step
        double mu
        int nopolar
        double kahn_factor
        int64_t n_sources
        const nbcy_source *sources
        int64_t n_orientations
        const double *orientations
        const double *orientation_weights
        const double *first_orientations
        int64_t first_pixel
        int shape
        double cells[3]
        double metric[6]
        int skip
        double cell_length[3]
        double largest_F
        int skew
        double cutoff
        const double *F
        const float *F_single
        int few_cells
        double index_low[3]
        double index_high[3]
        int64_t grid_k
        int64_t grid_l
        double default_F
        int listed
        int interpolate
        double dmin
        nbcy_average average
        double scale
        double water
        int water_scaling

    ctypedef struct nbcy_tile:
        int64_t panel
        int64_t slow_begin
        int64_t slow_end
        int64_t fast_begin
        int64_t fast_end
        int64_t out
        int64_t pitch

    ctypedef struct nbcy_image:
        float *rounded
        double *exact
        const int64_t *list

    ctypedef struct nbcy_trace:
        double *pixel_pos
        double *airpath
        double *omega
        double *diffracted
        double *capture
        double *scattering
        double *polar
        uint8_t *skipped
        double *hkl_frac
        double *hkl_rounded
        double *F_latt_abc
        double *F_latt
        double *F_cell
        double *average
        double I_before_scaling
        double capture_fraction
        double polar_final
        double omega_pixel
        double cos_2theta
        double background
        double I_pixel_final

    ctypedef struct nbcy_watch:
        int (*wants_to_stop)(void *) noexcept nogil
        void *state

    ctypedef int (*nbcy_render_tile)(
        const nbcy_scene *, const nbcy_tile *, const nbcy_image *, double *, const nbcy_watch *
    ) noexcept

    ctypedef void (*nbcy_evaluate)(int, int64_t, const double *, double *) noexcept

    ctypedef struct nbcy_isa:
        const char *name
        nbcy_render_tile render_tile
        nbcy_evaluate evaluate

    const nbcy_isa *nbcy_available_isas()
    int nbcy_trace_pixel(const nbcy_scene *, int64_t, int64_t, int64_t, nbcy_trace *, const nbcy_watch *)
    int nbcy_pixel_visited(const nbcy_scene *, int64_t, int64_t, int64_t, int *, const nbcy_watch *)
