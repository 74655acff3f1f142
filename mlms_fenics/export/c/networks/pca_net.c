/* SPDX-License-Identifier: MIT */
/* PCA-Net: coefficients of the strain history, known up to now and extrapolated to the horizon, by
   running sums; a network from them to those of the stress history, which is needed at one time only.

   Own state: the running sums, integrals over the past of each basis function times the input.
   Times are over the horizon. */

enum { OWN = MODES_IN };

static void cell_virgin(real (*own)[POINTS], int p)
{
    for (int i = 0; i < OWN; i++)
        own[i][p] = 0;
}

/* Integrals from a to b of phi_k(s) into P and of (s - a) phi_k(s) into Q, exactly: the functions are
   linear between the nodes. */
static void integrals(double a, double b, double (*restrict P)[MODES_IN],
    double (*restrict Q)[MODES_IN])
{
    memset(P, 0, sizeof(double[6][MODES_IN]));
    memset(Q, 0, sizeof(double[6][MODES_IN]));
    for (int i = 0; i < INTERVALS; i++) {
        const double left = (double)i / INTERVALS, right = (double)(i + 1) / INTERVALS;
        const double from = a > left ? a : left, to = b < right ? b : right, h = to - from;
        if (!(h > 0.0))
            continue;
        /* Values at both ends are mixtures of those at the nodes. */
        const double x = (from - left) * INTERVALS, y = (to - left) * INTERVALS, start = from - a;
        for (int c = 0; c < 6; c++)
            for (int k = 0; k < MODES_IN; k++) {
                const double low = BASIS[i][c][k], slope = BASIS[i + 1][c][k] - low;
                const double f = low + x * slope, g = low + y * slope, area = 0.5 * h * (f + g);
                P[c][k] += area;
                Q[c][k] += start * area + h * h * (f + 2.0 * g) / 6.0;
            }
    }
}

/* The matrices, in panels, from the input at both ends of a step (12 rows) to the increment of the
   sums, and to what the future adds to them. */
static void matrices(const part *now, real *restrict increment, real *restrict future)
{
    double P[6][MODES_IN], Q[6][MODES_IN];
    const double begin = now->start > 0.0 ? now->start : 0.0, end = now->end < 1.0 ? now->end : 1.0;
    const double step = end - begin;
    memset(increment, 0, sizeof(real) * SUMS_PACKED);
    memset(future, 0, sizeof(real) * SUMS_PACKED);
    integrals(begin, end, P, Q);
    for (int c = 0; c < 6; c++)
        for (int k = 0; k < MODES_IN; k++) {
            real *at = increment + (k / PANEL) * 12 * PANEL + k % PANEL;
            at[c * PANEL] = (real)(P[c][k] - Q[c][k] / step);
            at[(6 + c) * PANEL] = (real)(Q[c][k] / step);
        }
    integrals(end, 1.0, P, Q);
    for (int c = 0; c < 6; c++)
        for (int k = 0; k < MODES_IN; k++) {
            real *at = future + (k / PANEL) * 12 * PANEL + k % PANEL;
            const double beyond = EXTRAPOLATION / step * Q[c][k];
            at[c * PANEL] = (real)-beyond;
            at[(6 + c) * PANEL] = (real)(P[c][k] + beyond);
        }
}

/* The matrix, in panels, from the last layer's features to the stress at time s, and its offset. */
static void readout(double s, real *restrict matrix, real *restrict offset)
{
    int i = (int)(s * INTERVALS);
    i = i < INTERVALS - 1 ? i : INTERVALS - 1;
    const real x = (real)(s * INTERVALS - i);
    memset(matrix, 0, sizeof(real) * READOUT_PACKED);
    for (int c = 0; c < OUTPUTS; c++) {
        real *at = matrix + (c / PANEL) * READ * PANEL + c % PANEL;
        offset[c] = 0;
        for (int k = 0; k < MODES_OUT; k++) {
            const real low = OUTPUT_BASIS[i][c][k];
            const real weight = low + x * (OUTPUT_BASIS[i + 1][c][k] - low);
            offset[c] += weight * LAST_BIAS[k];
            for (int j = 0; j < READ; j++)
                at[j * PANEL] += weight * LAST[k][j];
        }
    }
}

/* h = selu(h + bias); where `straight` is given, h + bias goes there too. */
static void selu(const real *bias, int rows, real (*restrict h)[POINTS],
    real (*restrict straight)[POINTS])
{
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < POINTS; p++) {
            const real x = h[i][p] + bias[i], low = x < 0 ? x : 0;
            if (straight)
                straight[i][p] = x;
            h[i][p] = (real)1.0507009873554805 * (x > 0 ? x : 0)
                + (real)1.7580993408473766 * (real_exp(low) - 1);
        }
}

/* Features that the output is linear in, from the coefficients. */
static void hidden(real (*coefficients)[POINTS], real (*read)[POINTS],
    real (*work)[WIDEST][POINTS])
{
    real(*in)[POINTS] = coefficients;
    for (int k = 0; k < LAYERS; k++) {
        const int last = k == LAYERS - 1, rows = LAYER_ROWS[k];
        real(*out)[POINTS] = last ? read : work[k % 2];
        product(LAYER_WEIGHTS[k], rows, k ? LAYER_ROWS[k - 1] : MODES_IN, in, out);
        selu(LAYER_BIAS[k], rows, out, LINEAR && k == 0 ? read + LAYER_ROWS[LAYERS - 1] : 0);
        in = out;
    }
}

static int cell_step(const part *now, ends *at, real (*restrict own)[POINTS],
    real (*restrict deviator)[POINTS])
{
    real increment[SUMS_PACKED], future[SUMS_PACKED], matrix[READOUT_PACKED], offset[OUTPUTS];
    real pair[12][POINTS], sums[MODES_IN][POINTS], y[OUTPUTS][POINTS], read[READ][POINTS];
    real work[2][WIDEST][POINTS];
    matrices(now, increment, future);
    readout(now->end < 1.0 ? now->end : 1.0, matrix, offset);
    for (int c = 0; c < 6; c++)
        for (int p = 0; p < POINTS; p++) {
#if OF_STRETCH
            const double one = c < 3 ? 1.0 : 0.0;
            pair[c][p] = (real)((one + at->stretch[c][p]) * INPUT_SCALE[c]);
            pair[6 + c][p] = (real)((one + at->after[c][p]) * INPUT_SCALE[c]);
#else
            pair[c][p] = (real)(at->before[c][p] * INPUT_SCALE[c]);
            pair[6 + c][p] = (real)(at->k[STRAIN + c][p] * INPUT_SCALE[c]);
#endif
        }
    product(increment, MODES_IN, 12, pair, sums);
    for (int k = 0; k < MODES_IN; k++)
        for (int p = 0; p < POINTS; p++)
            own[k][p] += sums[k][p];
    product(future, MODES_IN, 12, pair, sums);
    for (int k = 0; k < MODES_IN; k++)
        for (int p = 0; p < POINTS; p++)
            sums[k][p] += own[k][p];
    hidden(sums, read, work);
#if ZERO_AT_REST
    for (int i = 0; i < READ; i++)
        for (int p = 0; p < POINTS; p++)
            read[i][p] -= REST[i];
#endif
    product(matrix, OUTPUTS, READ, read, y);
    add_bias(offset, OUTPUTS, y);
    to_stress(at, y, deviator);
    return -1;
}
