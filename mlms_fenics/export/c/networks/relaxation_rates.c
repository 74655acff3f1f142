/* SPDX-License-Identifier: MIT */
/* Relaxation with strain and creep with time, for rates of many decades. */

/* Scale of all relaxation over a step; row CREEP of the network's output is that of creep. */
static void speed(const part *now, real (*restrict flow)[POINTS], real (*restrict increment)[POINTS],
    real *restrict scale)
{
    for (int p = 0; p < POINTS; p++) {
        real square = 0;
        for (int i = 0; i < 5; i++)
            square += increment[i][p] * increment[i][p];
        real creep = (real)STEEP * flow[CREEP][p];
        creep = creep < (real)LOG_MOST ? creep : (real)LOG_MOST;
        creep = creep > (real)LOG_LEAST ? creep : (real)LOG_LEAST;
        scale[p] = root(square) + (real)now->fraction * real_exp(creep);
    }
}
