/* SPDX-License-Identifier: MIT */
/* Coordinates of the deviator of components 11, 22, 33, 12, 23, 13 of a symmetric tensor. */
static void coordinates(double (*restrict c)[POINTS], double factor, real (*restrict s)[POINTS])
{
    const double half = factor * HALF, sixth = factor * SIXTH, shear = 2.0 * half;
    for (int p = 0; p < POINTS; p++) {
        s[0][p] = (real)((c[0][p] - c[1][p]) * half);
        s[1][p] = (real)((c[2][p] + c[2][p] - c[0][p] - c[1][p]) * sixth);
        s[2][p] = (real)(c[3][p] * shear);
        s[3][p] = (real)(c[4][p] * shear);
        s[4][p] = (real)(c[5][p] * shear);
    }
}
