/* SPDX-License-Identifier: MIT */
/* How far points are from the data that the law was trained on; 1 is their edge. */

enum { LAGS = TIMES * 6, LARGEST_STRAIN = LAGS, SQUARE = LAGS + 1, MEMORY = LAGS + 2 };

/* The memory and the distance after a step from `before` to `strain`, components of log U. */
static void trust(double fraction, double (*restrict strain)[POINTS],
    double (*restrict before)[POINTS], double (*restrict memory)[POINTS], double *restrict distance)
{
    double s[6][POINTS], sum[POINTS], rate[TIMES][POINTS], nearest[POINTS], far[POINTS] = {0};
    const double forget = exp_bounded(-fraction / TRUST_AVERAGE);
    for (int p = 0; p < POINTS; p++)
        sum[p] = 0.0;
    for (int i = 0; i < 6; i++)
        for (int p = 0; p < POINTS; p++) {
            s[i][p] = TRUST_SCALE[i] * strain[i][p];
            sum[p] += s[i][p] * s[i][p];
        }
    for (int p = 0; p < POINTS; p++) {
        const double size = sqrt(sum[p]);
        memory[LARGEST_STRAIN][p] = size > memory[LARGEST_STRAIN][p] ? size : memory[LARGEST_STRAIN][p];
    }
    for (int i = 0; i < 6; i++) {
        for (int p = 0; p < POINTS; p++)
            sum[p] = 0.0;
        for (int j = 0; j < 6; j++)
            for (int p = 0; p < POINTS; p++)
                sum[p] += TRUST_WHITENING[i][j] * (s[j][p] - TRUST_MEAN[j]);
        for (int p = 0; p < POINTS; p++)
            far[p] += sum[p] * sum[p];
    }
    for (int t = 0; t < TIMES; t++) {
        const double x = fraction / TRUST_TIMES[t], keep = exp_bounded(-x), gain = exp_m1_over(-x);
        for (int p = 0; p < POINTS; p++)
            rate[t][p] = 0.0;
        for (int i = 0; i < 6; i++)
            for (int p = 0; p < POINTS; p++) {
                const double change = strain[i][p] - before[i][p];
                const double lag = keep * memory[6 * t + i][p] + gain * TRUST_SCALE[i] * change;
                memory[6 * t + i][p] = lag;
                rate[t][p] += lag * lag;
            }
        for (int p = 0; p < POINTS; p++) {
            const double most = memory[LARGEST_STRAIN][p], weight = most / (most + TRUST_ELASTIC);
            rate[t][p] = weight * log_positive(sqrt(rate[t][p]) * TRUST_LAG_SIZE[t] + TRUST_FLOOR);
        }
    }
    for (int p = 0; p < POINTS; p++)
        nearest[p] = 1e300;
    for (int g = 0; g < GROUPS; g++) {
        for (int p = 0; p < POINTS; p++)
            sum[p] = 0.0;
        for (int m = 0; m < TIMES; m++)
            for (int p = 0; p < POINTS; p++) {
                double x = 0.0;
                for (int t = 0; t < TIMES; t++)
                    x += TRUST_LAG_WHITENING[g][m][t] * (rate[t][p] - TRUST_LAG_MEAN[g][t]);
                sum[p] += x * x;
            }
        for (int p = 0; p < POINTS; p++)
            nearest[p] = nearest[p] < sum[p] ? nearest[p] : sum[p];
    }
    for (int p = 0; p < POINTS; p++) {
        memory[SQUARE][p] = forget * memory[SQUARE][p] + (1.0 - forget) * nearest[p];
        const double most = far[p] > memory[SQUARE][p] ? far[p] : memory[SQUARE][p];
        const double now = sqrt(most);
        distance[p] = distance[p] > now ? distance[p] : now;
    }
}
