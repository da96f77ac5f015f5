#define NBCY_BUILD generic
#include "kernel_body.h"
