# cython: language_level=3
"""The scene as C sees it, tiles over threads, and status codes turned into exceptions."""

import operator
import os

import numpy as np

from nbcy.base.errors import ConfigError, KernelError
from nbcy.kernel import plan
from nbcy.scene.coverage import ROI_NEEDS_ONE_PANEL

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

from nbcy.kernel._kernel cimport *

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef extern from *:
    """
    #include <stdint.h>
    #include <time.h>
    #ifdef _OPENMP
    #define NBCY_HAS_OPENMP 1
    #else
    #define NBCY_HAS_OPENMP 0
    #endif
    static double nbcy_seconds(void)
    {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }
    static void nbcy_count(int64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }
    static int nbcy_seen(const int *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }
    static void nbcy_show(int *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }
    """
    const int NBCY_HAS_OPENMP
    double nbcy_seconds() nogil
    void nbcy_count(int64_t *counter) nogil
    int nbcy_seen(const int *flag) nogil
    void nbcy_show(int *flag) nogil

cdef extern from *:
    """
    #ifndef NBCY_SOURCES
    #define NBCY_SOURCES ""
    #endif
    """
    const char *NBCY_SOURCES

OPENMP = bool(NBCY_HAS_OPENMP)
# Of what this was built: csrc/fingerprint.py.
SOURCES = NBCY_SOURCES.decode("ascii")

cdef double POLL_SECONDS = 0.05
# Large enough that a tile's bookkeeping costs nothing, small enough to balance uneven work.
cdef int64_t PATCH_PIXELS = 64
cdef int64_t TILE_WIDTH = 128
cdef int64_t TILE_PIXELS = 4096
cdef int64_t TILE_STEPS = 1 << 22
def available_isas():
    """Names of the kernel builds this processor can run, slowest first."""
    cdef const nbcy_isa *isa = nbcy_available_isas()
    names = []
    while isa.name != NULL:
        names.append(isa.name.decode("ascii"))
        isa += 1
    return tuple(names)


def chosen_isa(isa=None):
    """Name of the build that runs: ``isa``, else NBCY_ISA from the environment, else the fastest."""
    names = available_isas()
    asked = isa if isa is not None else os.environ.get("NBCY_ISA") or names[-1]
    if asked not in names:
        where = "isa" if isa is not None else "NBCY_ISA"
        raise ConfigError(where, asked, f"this processor can run {', '.join(names)}")
    return asked


cdef const nbcy_isa *isa_of(str name) except NULL:
    cdef const nbcy_isa *isa = nbcy_available_isas()
    while isa.name != NULL:
        if isa.name.decode("ascii") == name:
            return isa
        isa += 1
    raise KernelError(f"no kernel named {name}")


cdef void copy_vector(double *to, vector) except *:
    cdef int i
    for i in range(3):
        to[i] = vector[i]


def _raise_state(state, int status):
    if state[1] is not None:
        raise state[1]
    if status == NBCY_NO_MEMORY:
        raise MemoryError("nbcy: no memory for a block of pixels")
    if status != NBCY_OK:
        raise KernelError(f"the kernel stopped with status {status}")


TOO_BRIGHT = "structure factors, fluence, water or pixel are too large for the image's floating point numbers"


def _raise_too_bright(panels):
    for number, pixels in enumerate(panels):
        for slow, fast in np.argwhere(~np.isfinite(pixels))[:1].tolist():
            where = f"panel {number}, " if len(panels) > 1 else ""
            raise KernelError(
                f"pixel ({where}slow {slow}, fast {fast}) is {pixels[slow, fast]}: structure factors, "
                f"fluence, water or pixel are too large for a {pixels.dtype} image"
            )


def evaluate(name, x, isa=None):
    """Apply one of the kernel's own functions, to test its accuracy.

    Parameters
    ----------
    name : {"sinpi", "cospi", "exp_negative", "sphere"}
        See csrc/vecmath.h.
    x : ndarray of float64, shape (n,)
    isa : str, optional
        Kernel build, see `chosen_isa`.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    function = ("sinpi", "cospi", "exp_negative", "sphere").index(name)
    cdef const double[::1] source = np.ascontiguousarray(x, float)
    out = np.zeros(len(source))
    cdef double[::1] target = out
    if len(source):
        isa_of(chosen_isa(isa)).evaluate(function, source.shape[0], &source[0], &target[0])
    return out


cdef struct Watch:
    nbcy_watch asked       # what the kernel sees of it
    unsigned long caller   # only this thread runs Python: it holds the signals and the progress bar
    double next_time
    int64_t done
    int64_t total
    int cancel
    void *state            # [poll, exception]


cdef void start_watch(Watch *watch, list state, int64_t total) noexcept:
    """``state``: what to call now and then, or None, and room for what that raises."""
    watch.asked.wants_to_stop = wants_to_stop
    watch.asked.state = watch
    watch.caller = PyThread_get_thread_ident()
    watch.next_time = nbcy_seconds() + POLL_SECONDS
    watch.done = 0
    watch.total = total
    watch.cancel = 0
    watch.state = <void *> state


cdef int poll_python(Watch *watch) noexcept with gil:
    cdef list state = <list> watch.state
    try:
        PyErr_CheckSignals()
        if state[0] is not None:
            state[0](watch.done, watch.total)
    except BaseException as error:
        state[1] = error
        return 1
    return 0


cdef int wants_to_stop(void *of) noexcept nogil:
    cdef Watch *watch = <Watch *> of
    if PyThread_get_thread_ident() == watch.caller and not watch.cancel and nbcy_seconds() > watch.next_time:
        if poll_python(watch):
            nbcy_show(&watch.cancel)
        watch.next_time = nbcy_seconds() + POLL_SECONDS
    return nbcy_seen(&watch.cancel)


cdef int run_tile(
    nbcy_render_tile render_tile, const nbcy_scene *scene, const nbcy_tile *tile,
    const nbcy_image *image, double *solid_angle, Watch *watch,
) noexcept nogil:
    cdef int status
    if nbcy_seen(&watch.cancel):
        return NBCY_CANCELLED
    status = render_tile(scene, tile, image, solid_angle, &watch.asked)
    nbcy_count(&watch.done)
    wants_to_stop(watch)
    return status


cdef double *data_of(array) except NULL:
    cdef double[::1] flat = array.reshape(-1)
    return &flat[0]


cdef class KernelScene:
    """A `nbcy.Scene` laid out for C; keeps every array it points into alive.

    Parameters
    ----------
    scene : nbcy.Scene
    like : KernelScene, optional
        Whose layout serves for the parts that both scenes share.
    """

    cdef nbcy_scene c
    cdef readonly object scene
    cdef readonly tuple image_shape
    cdef dict _alive
    cdef dict _tiles

    def __init__(self, scene, KernelScene like=None):
        cdef nbcy_scene *c = &self.c
        self.scene = scene
        self._tiles = {}
        if like is None:
            memset(c, 0, sizeof(nbcy_scene))
            self._alive = {}
            old = None
        else:
            self.c = like.c
            self._alive = dict(like._alive)
            self.image_shape = like.image_shape
            old = like.scene

        def same(*parts):
            return old is not None and all(getattr(old, part) is getattr(scene, part) for part in parts)

        if not same("geometry"):
            self._fill_geometry()
        if not same("coverage"):
            self._fill_mask()
        if not same("geometry", "illumination"):
            self._fill_sources()
        if not same("rotation", "domains"):
            self._fill_orientations()
        if not same("rotation", "average", "lattice", "spots", "geometry"):
            self._fill_average()
        if not same("amplitudes", "economy"):
            self._fill_structure_factors()
        if not same("lattice", "rotation", "illumination", "spots"):
            c.few_cells = plan.check_reach(scene, self._alive["lengths"])
        if not (same("spots", "economy") and old.lattice.cells is scene.lattice.cells):
            self._fill_spots()
        if not same("subpixels", "sensor"):
            self._fill_visits()
        elif old.geometry is scene.geometry and old.coverage is scene.coverage and old.steps == scene.steps:
            self._tiles = like._tiles
        self._fill_scale()

    def __reduce__(self):
        return KernelScene, (self.scene,)

    cdef _keep(self, str name, array):
        self._alive[name] = array
        return array

    def _fill_geometry(self):
        cdef nbcy_scene *c = &self.c
        geometry = self.scene.geometry
        cdef const uint8_t[::1] memory = self._keep("panels", plan.panels(geometry)).view(np.uint8)
        if plan.PANEL.itemsize != sizeof(nbcy_panel):
            raise KernelError("this kernel was built of another version of nbcy: rebuild it")
        c.panels = <const nbcy_panel *> &memory[0]
        self.image_shape = plan.image_shape(geometry)
        c.curved = geometry.curved
        c.point_pixel = geometry.point_pixel
        c.distance = geometry.distance
        copy_vector(c.beam, geometry.beam)

    def _fill_mask(self):
        cdef const uint8_t[::1] mask
        self.c.mask = NULL
        if self.scene.mask is not None:
            mask = self._keep("mask", np.ascontiguousarray(self.scene.mask, np.uint8).reshape(-1))
            self.c.mask = &mask[0]

    def _fill_sources(self):
        cdef nbcy_scene *c = &self.c
        beam = self.scene.illumination
        table = self._keep("sources", plan.sources(beam, self.scene.geometry.frame))
        cdef const uint8_t[::1] memory = table.view(np.uint8)
        if plan.SOURCE.itemsize != sizeof(nbcy_source):
            raise KernelError("this kernel was built of another version of nbcy: rebuild it")
        c.sources = <const nbcy_source *> &memory[0]
        c.n_sources = len(table)
        c.nopolar = beam.nopolar
        c.kahn_factor = beam.kahn_factor

    def _fill_scale(self):
        cdef nbcy_scene *c = &self.c
        scene = self.scene
        c.scale = scene.r_e_sqr * scene.fluence / scene.steps
        c.water = scene.background.water
        c.water_scaling = scene.background.water_scaling
        c.first_pixel = self._first_pixel() if scene.rotation.first_orientations is not None else -1

    def _fill_orientations(self):
        cdef nbcy_scene *c = &self.c
        cdef const double[:, ::1] table
        cdef const double[::1] weights
        turned = self.scene.rotation
        table = self._keep("orientations", np.ascontiguousarray(turned.orientations, float).reshape(-1, 9))
        c.n_orientations = table.shape[0]
        c.orientations = &table[0, 0]
        c.orientation_weights = NULL
        if self.scene.domains.weighted_domains:
            weights = self._keep("orientation weights", plan.orientation_weights(self.scene))
            c.orientation_weights = &weights[0]
        c.first_orientations = NULL
        if turned.first_orientations is not None:
            table = self._keep("first", np.ascontiguousarray(turned.first_orientations, float).reshape(-1, 9))
            c.first_orientations = &table[0, 0]
        copy_vector(c.cell_length, self._keep("lengths", plan.cell_lengths(turned.orientations)))

    def _fill_average(self):
        cdef nbcy_average *to = &self.c.average
        cdef const double[:, ::1] axes
        average = self.scene.average
        to.exact = average.exact
        if not average.exact:
            return
        principal = plan.principal_axes(self.scene)
        axes = self._keep("axes", principal.axes)
        to.axes = &axes[0, 0]
        to.rounds = principal.rounds
        to.energy, to.frame, to.cutoff = average.energy, average.frame, average.cutoff
        to.least_slope = principal.least_slope
        to.divergence[0], to.divergence[1] = average.divergence
        copy_vector(to.mosaic, principal.widths)
        copy_vector(to.spindle, principal.spindle)
        for i in range(9):
            to.real_axes[i] = principal.real.flat[i]
            to.reciprocal[i] = principal.reciprocal.flat[i]
            to.stretch[i] = principal.stretch.flat[i]

    def _fill_structure_factors(self):
        cdef nbcy_scene *c = &self.c
        cdef const float[:, :, ::1] single
        grid = self.scene.amplitudes.hkl
        cdef const double[:, :, ::1] data = self._keep("F", np.ascontiguousarray(grid.data, float))
        c.largest_F = max(grid.data.max(), -grid.data.min())
        c.F = &data[0, 0, 0]
        copy_vector(c.index_low, (grid.h_min - 1, grid.k_min - 1, grid.l_min - 1))
        copy_vector(c.index_high, (grid.h_max + 1, grid.k_max + 1, grid.l_max + 1))
        c.grid_k = data.shape[1]
        c.grid_l = data.shape[2]
        c.default_F = grid.default_F
        c.listed = grid.n_loaded > 0
        c.interpolate = self.scene.amplitudes.interpolate
        c.F_single = NULL
        if self.scene.economy.precision == "single":
            single = self._keep("F_single", (grid.data / (c.largest_F or 1.0)).astype(np.float32, order="C"))
            c.F_single = &single[0, 0, 0]

    def _fill_spots(self):
        cdef nbcy_scene *c = &self.c
        scene = self.scene
        c.shape = plan.SHAPES[scene.spots.shape]
        copy_vector(c.cells, plan.cells(scene))
        for i, element in enumerate(plan.metric(scene)):
            c.metric[i] = element
        c.skew = scene.spots.skew
        c.cutoff = scene.economy.cutoff
        c.skip = scene.economy.skip
        c.dmin = scene.economy.dmin

    def _fill_visits(self):
        cdef nbcy_scene *c = &self.c
        cut, sensor = self.scene.subpixels, self.scene.sensor
        c.oversample = cut.oversample
        c.oversample_omega = cut.oversample_omega
        c.oversample_polar = cut.oversample_polar
        c.oversample_thick = cut.oversample_thick
        c.layers = sensor.layers
        c.layer_step = sensor.layer_step
        c.layer_capture = sensor.layer_capture
        c.mu = sensor.mu if sensor.thickness > 0.0 else 0.0

    def _first_pixel(self):
        """Image index of the first pixel that is rendered at all."""
        for panel, (fast_min, fast_max, slow_min, slow_max) in enumerate(self.scene.regions):
            mask = self.scene.mask_of(panel)
            for slow in range(slow_min, slow_max + 1):
                for fast in range(fast_min, fast_max + 1):
                    if mask is not None and not mask[slow, fast]:
                        continue
                    if self._visited(panel, slow, fast):
                        return self._index(panel, slow, fast)
        return -1

    cdef bint _visited(self, int64_t panel, int64_t slow, int64_t fast) except -1:
        cdef int visited = 1, status = NBCY_OK
        cdef Watch watch
        state = [None, None]
        start_watch(&watch, state, 1)
        if self.c.dmin > 0.0:
            with nogil:
                status = nbcy_pixel_visited(&self.c, panel, slow, fast, &visited, &watch.asked)
        _raise_state(state, status)
        return visited

    def _index(self, panel, slow, fast):
        """Place of a pixel in the image."""
        return self.c.panels[panel].offset + slow * self.c.panels[panel].pixels_fast + fast

    def _regions(self, roi):
        """What to render of each panel."""
        if len(self.scene.panels) > 1:
            if roi is not None:
                raise ConfigError("roi", roi, ROI_NEEDS_ONE_PANEL)
            return self.scene.regions
        roi = self.scene.roi if roi is None else roi
        try:
            fast_min, fast_max, slow_min, slow_max = map(operator.index, roi)
        except (TypeError, ValueError):
            raise ConfigError("roi", roi, "must be four whole numbers: fast_min, fast_max, slow_min, slow_max") from None
        rows, row = self.image_shape
        if not (0 <= fast_min <= fast_max < row and 0 <= slow_min <= slow_max < rows):
            raise ConfigError("roi", tuple(roi), f"must lie on the detector of {row} x {rows} pixels (fast x slow)")
        return ((fast_min, fast_max, slow_min, slow_max),)

    def _tile_pixels(self):
        """How many pixels a tile holds at most: enough to cost nothing, few enough to balance."""
        steps = int(self.scene.steps) * int(self.scene.sensor.layers)
        return max(PATCH_PIXELS, min(TILE_PIXELS, TILE_STEPS // steps))

    def tiles(self, roi=None):
        """Cut what is rendered into tiles; the cut does not depend on the threads.

        Parameters
        ----------
        roi : tuple of int, optional
            ``(fast_min, fast_max, slow_min, slow_max)``, inclusive; one panel only.

        Returns
        -------
        ndarray of int64, shape (n, 7)
            Panel, slow begin and end, fast begin and end (half open), place of the first pixel in the image,
            pixels between its rows.
        """
        regions = self._regions(roi)
        if regions in self._tiles:
            return self._tiles[regions]
        pixels, tiles = self._tile_pixels(), []
        for panel, (fast_min, fast_max, slow_min, slow_max) in enumerate(regions):
            row = self.c.panels[panel].pixels_fast
            # whole patches of the kernel, 8 x 8 where there are rows enough
            height = min(slow_max - slow_min + 1, max(8, pixels // TILE_WIDTH))
            width = pixels // height
            tiles += [
                (panel, slow, min(slow + height, slow_max + 1), fast, min(fast + width, fast_max + 1),
                 self._index(panel, slow, fast), row)
                for slow in range(slow_min, slow_max + 1, height)
                for fast in range(fast_min, fast_max + 1, width)
            ]
        table = np.array(tiles, np.int64)
        self._tiles.clear()  # the last one is enough for many images in a row
        self._tiles[regions] = table
        return table

    def render(self, threads=1, isa=None, roi=None, poll=None, skip=True, dtype=np.float32):
        """Render the image.

        Parameters
        ----------
        threads : int
            OpenMP threads; the image does not depend on it.
        isa : str, optional
            Kernel build, see `chosen_isa`.
        roi : tuple of int, optional
            ``(fast_min, fast_max, slow_min, slow_max)``, inclusive, of one panel; default the scene's.
        poll : callable, optional
            Called about every 50 ms in the calling thread with the tiles done and the tiles in all.
            What it raises (also KeyboardInterrupt) stops the kernel, in the midst of a pixel, too,
            and is raised again.
        skip : bool
            Whether steps of gauss and tophat crystals that cannot be seen in float32 may be left
            out; to test that.
        dtype : numpy dtype
            float32, or float64 for the sums before they are rounded.

        Returns
        -------
        image : ndarray of float32 or float64, shape (slow, fast)
            Photons per pixel; shape (pixels,) with several panels, one after another.
        solid_angle : float
            Of the rendered pixels, sr.

        Raises
        ------
        ConfigError
            Unknown instruction set.
        MemoryError, KernelError
            The kernel could not finish.
        """
        whole = self.scene.mask is None and self._regions(roi) == self.scene.whole_panels
        image = (np.empty if whole else np.zeros)(self.image_shape, dtype)
        angle, finite = self._run(self.tiles(roi), image.reshape(-1), None, threads, isa, poll, skip)
        if not finite:
            _raise_too_bright(self.scene.split(image))
        return image, angle

    def render_boxes(self, boxes, threads=1, isa=None, poll=None, dtype=np.float32):
        """Render rectangles of pixels.

        Parameters
        ----------
        boxes : ndarray of int64, shape (n, 5)
            Panel, slow begin and end, fast begin and end (half open), on the detector.
        threads, isa, poll, dtype
            As for `render`.

        Returns
        -------
        ndarray of float32 or float64
            The pixels of one box after another, row by row.
        """
        boxes = np.ascontiguousarray(boxes, np.int64).reshape(-1, 5)
        width = boxes[:, 4] - boxes[:, 3]
        areas = (boxes[:, 2] - boxes[:, 1]) * width
        places = np.append(0, np.cumsum(areas))
        table = np.column_stack((boxes, places[:-1], width))
        limit = self._tile_pixels()
        if areas.size and areas.max() > limit:
            cut = []
            for panel, slow, slow_end, fast, fast_end, place, row in table.tolist():
                height = max(1, limit // row)
                height -= height % 8 if height > 8 else 0
                cut += [
                    (panel, s, min(s + height, slow_end), fast, fast_end, place + (s - slow) * row, row)
                    for s in range(slow, slow_end, height)
                ]
            table = np.array(cut, np.int64)
        values = np.zeros(places[-1], dtype)
        _, finite = self._run(table, values, None, threads, isa, poll, True)
        if not finite:
            raise KernelError(TOO_BRIGHT)
        return values

    def render_listed(self, pixels, threads=1, isa=None, poll=None, dtype=np.float32):
        """Render pixels one by one.

        Parameters
        ----------
        pixels : ndarray of int64, shape (n, 3)
            Panel, slow, fast, on the detector.
        threads, isa, poll, dtype
            As for `render`.

        Returns
        -------
        ndarray of float32 or float64, shape (n,)
        """
        pixels = np.ascontiguousarray(pixels, np.int64).reshape(-1, 3)
        order = np.argsort(pixels[:, 0], kind="stable")
        listed = np.ascontiguousarray(pixels[order, 1:])
        limit, tiles = self._tile_pixels(), []
        panels, counts = np.unique(pixels[:, 0], return_counts=True)
        begin = 0
        for panel, count in zip(panels.tolist(), counts.tolist()):
            tiles += [
                (panel, 0, 0, at, min(at + limit, begin + count), 0, 0)
                for at in range(begin, begin + count, limit)
            ]
            begin += count
        values = np.zeros(len(pixels), dtype)
        _, finite = self._run(np.array(tiles, np.int64).reshape(-1, 7), values, listed, threads, isa, poll, True)
        if not finite:
            raise KernelError(TOO_BRIGHT)
        placed = np.empty_like(values)
        placed[order] = values
        return placed

    def _run(self, tile_array, values, listed, int threads, isa, poll, skip):
        """Render tiles into a flat array; return the solid angle, and whether all photons are finite."""
        cdef nbcy_render_tile render_tile = isa_of(chosen_isa(isa)).render_tile
        cdef int64_t n_tiles = len(tile_array), t
        if not n_tiles:
            return 0.0, True
        cdef const int64_t[:, ::1] tile_table = tile_array
        cdef const nbcy_tile *tiles = <const nbcy_tile *> &tile_table[0, 0]
        cdef float[::1] rounded
        cdef double[::1] exact
        cdef const int64_t[:, ::1] pixel_list
        cdef nbcy_image target
        memset(&target, 0, sizeof(nbcy_image))
        if values.dtype == np.float64:
            exact = values
            target.exact = &exact[0]
        else:
            rounded = values
            target.rounded = &rounded[0]
        if listed is not None:
            pixel_list = listed
            target.list = &pixel_list[0, 0]
        cdef const nbcy_image *image = &target
        angles = np.zeros(n_tiles)
        cdef double[::1] angle_table = angles
        cdef double *solid_angle = &angle_table[0]
        threads = min(threads, n_tiles)
        cdef int status = NBCY_OK
        cdef Watch watch
        state = [poll, None]
        start_watch(&watch, state, n_tiles)
        cdef Watch *watched = &watch
        cdef nbcy_scene c_scene = self.c
        c_scene.skip = c_scene.skip and skip
        cdef const nbcy_scene *scene = &c_scene
        with nogil:
            for t in prange(n_tiles, schedule="dynamic", num_threads=threads):
                status |= run_tile(render_tile, scene, tiles + t, image, solid_angle + t, watched)
        _raise_state(state, status & ~NBCY_NOT_FINITE)
        return float(angles.sum()), not status & NBCY_NOT_FINITE

    def trace(self, int64_t slow, int64_t fast, int64_t panel=0):
        """Render one pixel and keep every step.

        Parameters
        ----------
        slow, fast, panel : int
            The pixel.

        Returns
        -------
        dict
            Arrays over visits (sub-pixel slow, sub-pixel fast, layer): ``pixel_pos`` (m, 3),
            ``R`` (m), ``omega`` (sr), ``diffracted`` (3), ``capture``, ``sub_slow``, ``sub_fast``,
            ``layer``; over visits and sources: ``scattering`` (1/m, 3), ``polar``, ``skipped``;
            over visits, sources, phi steps and domains: ``hkl_frac`` (3), ``hkl_rounded`` (3),
            ``F_latt_abc`` (3), ``F_latt``, ``F_cell``, ``intensity``; and the scalars
            ``I_before_scaling``, ``capture_fraction``, ``polar_final``, ``omega_pixel``,
            ``cos_2theta``, ``background``, ``I_pixel_final`` and ``first_visit``.
        """
        cdef nbcy_trace trace
        memset(&trace, 0, sizeof(nbcy_trace))
        scene = self.scene
        layers, oversample = scene.layers, scene.oversample
        if not 0 <= panel < len(scene.panels):
            raise ConfigError("panel", panel, f"must be from 0 to {len(scene.panels) - 1}")
        shape = scene.panels[panel].shape
        if not (0 <= slow < shape[0] and 0 <= fast < shape[1]):
            raise ConfigError("pixel", (slow, fast), f"must lie on the detector, (slow, fast) below {shape}")
        visits = (oversample * oversample * layers,)
        sources = (*visits, len(scene.wavelengths))
        steps = (*sources, *scene.orientations.shape[:2])
        out = {
            "pixel_pos": np.zeros((*visits, 3)),
            "R": np.zeros(visits),
            "omega": np.zeros(visits),
            "diffracted": np.zeros((*visits, 3)),
            "capture": np.zeros(visits),
            "scattering": np.zeros((*sources, 3)),
            "polar": np.zeros(sources),
            "skipped": np.zeros(sources, np.uint8),
            "hkl_frac": np.zeros((*steps, 3)),
            "hkl_rounded": np.zeros((*steps, 3)),
            "F_latt_abc": np.zeros((*steps, 3)),
            "F_latt": np.zeros(steps),
            "F_cell": np.zeros(steps),
        }
        averaged = np.zeros((*steps, NBCY_AVERAGED))
        trace.average = data_of(averaged)
        cdef uint8_t[::1] skipped = out["skipped"].reshape(-1)
        trace.pixel_pos = data_of(out["pixel_pos"])
        trace.airpath = data_of(out["R"])
        trace.omega = data_of(out["omega"])
        trace.diffracted = data_of(out["diffracted"])
        trace.capture = data_of(out["capture"])
        trace.scattering = data_of(out["scattering"])
        trace.polar = data_of(out["polar"])
        trace.skipped = &skipped[0]
        trace.hkl_frac = data_of(out["hkl_frac"])
        trace.hkl_rounded = data_of(out["hkl_rounded"])
        trace.F_latt_abc = data_of(out["F_latt_abc"])
        trace.F_latt = data_of(out["F_latt"])
        trace.F_cell = data_of(out["F_cell"])
        cdef Watch watch
        cdef int status
        state = [None, None]
        start_watch(&watch, state, 1)
        with nogil:
            status = nbcy_trace_pixel(&self.c, panel, slow, fast, &trace, &watch.asked)
        _raise_state(state, status)
        visit = np.arange(visits[0])
        out["sub_slow"], out["sub_fast"] = np.divmod(visit // layers, oversample)
        out["layer"] = visit % layers
        out["skipped"] = out["skipped"].astype(bool)
        if scene.average.exact:
            names = ("rotation", "energy", "divergence", "phi")
            for at, end, name in zip((0, 3, 4, 6), (3, 4, 6, 7), names):
                out[f"likeliest_{name}"] = averaged[..., at:end]
                out[f"width_{name}"] = averaged[..., 7 + at : 7 + end]
            out["probability"] = averaged[..., 14]
        out["intensity"] = (out["F_cell"] * out["F_latt"]) ** 2
        out["I_before_scaling"] = trace.I_before_scaling
        out["capture_fraction"] = trace.capture_fraction
        out["polar_final"] = trace.polar_final
        out["omega_pixel"] = trace.omega_pixel
        out["cos_2theta"] = trace.cos_2theta
        out["background"] = trace.background
        out["I_pixel_final"] = trace.I_pixel_final
        out["first_visit"] = self._index(panel, slow, fast) == self.c.first_pixel
        return out
