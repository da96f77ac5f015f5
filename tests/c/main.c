/* kernel_tests [SCENES]: runs the tests of the kernel, some of them on so many drawn scenes; status 1 if anything is
   wrong. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "check.h"

int checks, failures, drawn_scenes;

void check_near(const char *file, int line, double got, double wanted, double allowed, const char *what, ...)
{
    checks++;
    if (fabs(got - wanted) <= allowed)
        return;
    failures++;
    if (failures > 50)   /* one mistake shows everywhere */
        return;
    printf("%s:%d: %.17g instead of %.17g within %.3g: ", file, line, got, wanted, allowed);
    va_list words;
    va_start(words, what);
    vprintf(what, words);
    va_end(words);
    printf("\n");
}

int main(int argc, char **argv)
{
    drawn_scenes = argc > 1 ? atoi(argv[1]) : 300;
    test_vecmath();
    test_pixel();
    test_shapes();
    test_amplitudes();
    test_builds();
    test_stopping();
    test_threads();
    printf("%d checks, %d failures\n", checks, failures);
    return failures != 0;
}
