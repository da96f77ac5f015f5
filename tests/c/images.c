/* images PREFIX [SCENES]: writes what each build makes of so many drawn scenes to PREFIX.BUILD, to compare machines. */
#include <stdio.h>
#include <stdlib.h>

#include "scenes.h"

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: images PREFIX [SCENES]\n");
        return 2;
    }
    const unsigned scenes = argc > 2 ? (unsigned)atoi(argv[2]) : 300;
    for (const nbcy_isa *isa = nbcy_available_isas(); isa->name; isa++) {
        char name[4096];
        snprintf(name, sizeof name, "%s.%s", argv[1], isa->name);
        FILE *file = fopen(name, "wb");
        if (!file) {
            perror(name);
            return 1;
        }
        for (unsigned n = 0; n < scenes; n++) {
            scene s;
            image made;
            drawn_scene(&s, n);
            render(&s, isa, &made);
            if (fwrite(made.pixels, sizeof made.pixels, 1, file) != 1) {
                perror(name);
                return 1;
            }
        }
        if (fclose(file)) {
            perror(name);
            return 1;
        }
    }
    return 0;
}
