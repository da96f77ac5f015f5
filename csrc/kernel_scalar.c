#define NBCY_SCALAR
#define NBCY_BUILD scalar
#include "kernel_body.h"
