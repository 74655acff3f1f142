/* SPDX-License-Identifier: MIT */
/* Models of old, of which all relaxation is one in time. */

/* Scale of all relaxation over a step. */
static void speed(const part *now, real (*restrict flow)[POINTS], real (*restrict increment)[POINTS],
    real *restrict scale)
{
    (void)flow;
    (void)increment;
    for (int p = 0; p < POINTS; p++)
        scale[p] = (real)(FAST * now->fraction);
}
