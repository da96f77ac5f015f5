/* The physics of a block of pixels, in the order in which it is reckoned; section numbers refer to the physics.
   Included once per instruction set: before including, define NBCY_BUILD as the name of the build. With NBCY_TRACING
   instead the block holds one pixel and every step is kept, so that a trace cannot drift from the image. */
#include "block.h"
#include "pixel.h"
#include "sources.h"
#include "shapes.h"
#include "amplitudes.h"
#include "steps.h"
#if NBCY_WIDTH > 1
#include "single.h"
#endif
#include "orientations.h"
#ifndef NBCY_TRACING
#include "nearby.h"
#endif
#include "exact.h"
#include "visits.h"

#ifndef NBCY_TRACING

#define NBCY_PASTE(name, build) name##_##build
#define NBCY_NAME(name, build) NBCY_PASTE(name, build)

#include "tile.h"
#include "evaluate.h"

#endif
