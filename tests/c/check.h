/* Checks that count and go on, so that one run shows all that is wrong. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

extern int checks, failures, drawn_scenes;

/* Whether |got - wanted| <= allowed; nan never is. */
#define CHECK_NEAR(got, wanted, allowed, ...) \
    check_near(__FILE__, __LINE__, (double)(got), (double)(wanted), (double)(allowed), __VA_ARGS__)
#define CHECK(condition, ...) \
    do { \
        checks++; \
        if (!(condition)) { \
            failures++; \
            printf("%s:%d: not %s: ", __FILE__, __LINE__, #condition); \
            printf(__VA_ARGS__); \
            printf("\n"); \
        } \
    } while (0)

void check_near(const char *file, int line, double got, double wanted, double allowed, const char *what, ...)
    __attribute__((format(printf, 6, 7)));

void test_vecmath(void);
void test_pixel(void);
void test_shapes(void);
void test_amplitudes(void);
void test_builds(void);
void test_stopping(void);
void test_threads(void);

#endif
