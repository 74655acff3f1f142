/* SPDX-License-Identifier: MIT */
#include "@NAME@.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Deformation gradients of @POINTS@ points at the ends of @STEPS@ steps, and what the package computes of
   them. */
enum { POINTS = @POINTS@, STEPS = @STEPS@ };
@ARRAYS@

int main(void)
{
    static double state[@NAME@_STATES * POINTS], stress[6 * POINTS];
    double difference = 0.0, size = 0.0;
    for (int t = 0; t < STEPS; t++) {
        const double dt = END[t] - (t ? END[t - 1] : 0.0);
        const int failed = @NAME@_update(POINTS, END[t], dt, F[t][0], state, state, stress);
        if (failed) {
            printf("@NAME@: step %d returned %d\n", t + 1, failed);
            return 2;
        }
        for (int i = 0; i < 6 * POINTS; i++) {
            const double gap = stress[i] - STRESS[t][i / POINTS][i % POINTS];
            difference += gap * gap;
            size += STRESS[t][i / POINTS][i % POINTS] * STRESS[t][i / POINTS][i % POINTS];
        }
    }
    difference = sqrt(difference / size);
    printf("@NAME@: relative difference from the package %.2e, allowed @TOLERANCE@\n", difference);
    return difference < @TOLERANCE@ ? 0 : 1;
}
