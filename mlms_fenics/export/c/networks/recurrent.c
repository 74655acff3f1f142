/* SPDX-License-Identifier: MIT */
/* The recurrent cell: elastic strains and internal variables with a learnt flow.

   Own state: elastic strain over ELASTIC_SCALE of each branch (5 coordinates of a deviator), then
   the internal variables. */

enum { INPUTS = FEATURES + OWN };

static void cell_virgin(real (*own)[POINTS], int p)
{
    for (int i = 0; i < OWN; i++)
        own[i][p] = 0;
}

/* Inputs of the network, and the increment of the strain's deviator over ELASTIC_SCALE. */
static void features(const part *now, ends *at, real (*restrict increment)[POINTS],
    real (*restrict z)[POINTS])
{
    double change[6][POINTS];
    for (int i = 0; i < 6; i++)
        for (int p = 0; p < POINTS; p++)
            change[i][p] = at->k[STRAIN + i][p] - at->before[i][p];
    coordinates(at->before, 1.0 / STRAIN_SCALE, z + BEFORE);
    coordinates(change, 1.0 / ELASTIC_SCALE, increment);
    for (int p = 0; p < POINTS; p++)
        z[VOLUME_IN][p] = (real)(at->k[VOLUME][p] * (1.0 / VOLUME_SCALE));
    change_and_rate(now, increment, z);
}

/* The exact solution over a step of the linear equations with frozen rates and targets. */
static void move(const part *now, real (*restrict flow)[POINTS], real (*restrict increment)[POINTS],
    real (*restrict y)[POINTS])
{
    real square[BRANCHES + 1][POINTS], drive[BRANCHES + 1][POINTS], scale[POINTS];
    const real most = (real)LARGEST;
    speed(now, flow, increment, scale);
    for (int p = 0; p < POINTS; p++)
        square[BRANCHES][p] = drive[BRANCHES][p] = 0;
    for (int k = 0; k < BRANCHES; k++)
        for (int p = 0; p < POINTS; p++) {
            square[k][p] = 0;
            for (int j = 0; j < 5; j++) {
                const real middle = y[5 * k + j][p] + (real)0.5 * increment[j][p];
                square[k][p] += middle * middle;
            }
            drive[k][p] = root(square[k][p] + (real)1e-20) - (real)1e-10;
            drive[BRANCHES][p] += drive[k][p] / BRANCHES;
        }
    for (int i = 0; i < OWN; i++) {
        const int moved = i < 5 * BRANCHES, k = moved ? i / 5 : BRANCHES, j = moved ? i % 5 : 0;
        for (int p = 0; p < POINTS; p++) {
            const real over = drive[k][p] - most, wanted = flow[OWN + i][p];
            const real rate = softplus(flow[i][p]) + (over > 0 ? over : 0);
            const real x = rate * scale[p] * drive[k][p], m = mean_decay(x);
            const real gate = square[k][p] / (square[k][p] + (real)(SMALL * SMALL));
            real target = wanted < most ? wanted : most;
            target = (target > -most ? target : -most) * (moved ? gate : 1);
            const real pull = moved ? increment[j][p] : 0;
            y[i][p] += m * (pull + x * (target - y[i][p]));
        }
    }
}

static int cell_step(const part *now, ends *at, real (*restrict own)[POINTS],
    real (*restrict deviator)[POINTS])
{
    real z[INPUTS][POINTS], h1[WIDTH][POINTS], h2[WIDTH][POINTS];
    real flow[OUTPUTS][POINTS], increment[5][POINTS];
    features(now, at, increment, z);
    memcpy(z[FEATURES], own[0], sizeof(real[OWN][POINTS]));
    product(WEIGHTS1, WIDTH, INPUTS, z, h1);
    silu(BIAS1, WIDTH, h1);
    product(WEIGHTS2, WIDTH, WIDTH, h1, h2);
    silu(BIAS2, WIDTH, h2);
    product(WEIGHTS3, OUTPUTS, WIDTH, h2, flow);
    add_bias(BIAS3, OUTPUTS, flow);
    move(now, flow, increment, own);
    real s[5][POINTS];
    for (int j = 0; j < 5; j++)
        for (int p = 0; p < POINTS; p++) {
            s[j][p] = own[j][p];
            for (int k = 1; k < BRANCHES; k++)
                s[j][p] += own[5 * k + j][p];
        }
    elastic_stress(s, 2.0 * SHEAR_MODULUS * ELASTIC_SCALE / BRANCHES, at->k, deviator);
    return -1;
}
