/* SPDX-License-Identifier: MIT */
/* Rates of a crystal with slip and twinning, of one grain at each point of a chunk.

   With A = F B, B = F_in^-1, J = det F, M the deviatoric Mandel stress G J^(-2/3) dev(A^T A):
   slip a is driven by M_eff : s_a m_a, M_eff = M + sum_b l_b (R_b M R_b - M), R_b the mirror in the
   plane of twin b, against a strength that saturates; twin b by M : s_b m_b; B' = -B L, with
   L = L_0 + sum_b l_b (R_b L_0 R_b - L_0) + sum_b l_b' shear_b s_b m_b, L_0 = sum_a slip_a' s_a m_a.
   Own state of a grain: B row by row, twin fractions l, accumulated slips. */

enum { GRAIN_STATE = 9 + TWINS + SLIPS };

typedef double lane[POINTS];

/* What a grain is computed with: rows of numbers, one for each point. */
typedef struct {
    lane F_start[9], F_slope[9], fraction; /* F = F_start + fraction F_slope */
    lane F[9], A[9], mandel[6], effective[6], velocity[9], other[9];
    lane shear, J, twinned, stiffness, tau, over, power, square, total;
    lane strength_slope[SLIPS], slip_rate[SLIPS];
    lane step, wanted, now, length, rho, scale, error, accepted, last, size;
    lane deviator[6], change[9];
    lane y0[GRAIN_STATE], y[GRAIN_STATE], f[4][GRAIN_STATE];
} grain;

/* x^q, x >= 0 */
static inline double power_of(double x, double q)
{
    return exp_bounded(q * log_positive(x > 1e-300 ? x : 1e-300));
}

static void crystal_kinematics(grain *g, lane *restrict y)
{
    for (int k = 0; k < 9; k++)
        for (int p = 0; p < POINTS; p++)
            g->F[k][p] = g->F_start[k][p] + g->fraction[p] * g->F_slope[k][p];
    lane *F = g->F, *A = g->A, *m = g->mandel;
    for (int p = 0; p < POINTS; p++)
        g->J[p] = F[0][p] * (F[4][p] * F[8][p] - F[5][p] * F[7][p])
            + F[1][p] * (F[5][p] * F[6][p] - F[3][p] * F[8][p])
            + F[2][p] * (F[3][p] * F[7][p] - F[4][p] * F[6][p]);
    for (int p = 0; p < POINTS; p++)
        g->shear[p] = SHEAR_MODULUS * power_of(g->J[p] * g->J[p], -1.0 / 3.0);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int p = 0; p < POINTS; p++)
                A[3 * i + j][p] = F[3 * i][p] * y[j][p] + F[3 * i + 1][p] * y[3 + j][p]
                    + F[3 * i + 2][p] * y[6 + j][p];
    for (int p = 0; p < POINTS; p++) {
        const double G = g->shear[p];
        const double c0 = A[0][p] * A[0][p] + A[3][p] * A[3][p] + A[6][p] * A[6][p];
        const double c1 = A[1][p] * A[1][p] + A[4][p] * A[4][p] + A[7][p] * A[7][p];
        const double c2 = A[2][p] * A[2][p] + A[5][p] * A[5][p] + A[8][p] * A[8][p];
        const double mean = (c0 + c1 + c2) / 3.0;
        m[0][p] = G * (c0 - mean);
        m[1][p] = G * (c1 - mean);
        m[2][p] = G * (c2 - mean);
        m[3][p] = G * (A[0][p] * A[1][p] + A[3][p] * A[4][p] + A[6][p] * A[7][p]);
        m[4][p] = G * (A[1][p] * A[2][p] + A[4][p] * A[5][p] + A[7][p] * A[8][p]);
        m[5][p] = G * (A[0][p] * A[2][p] + A[3][p] * A[5][p] + A[6][p] * A[8][p]);
    }
}

static void effective_mandel(grain *g, lane *restrict y, int crystal)
{
    lane *m = g->mandel, *e = g->effective;
    memcpy(e, m, sizeof g->effective);
    for (int b = 0; b < TWINS; b++) {
        const double *n = TWIN_NORMAL[crystal][b], x = n[0], v = n[1], z = n[2];
        for (int i = 0; i < POINTS; i++) {
            const double c = -2.0 * y[9 + b][i];
            double p = m[0][i] * x + m[3][i] * v + m[5][i] * z;
            double q = m[3][i] * x + m[1][i] * v + m[4][i] * z;
            double r = m[5][i] * x + m[4][i] * v + m[2][i] * z;
            const double s = p * x + q * v + r * z;
            p = c * (p - s * x);
            q = c * (q - s * v);
            r = c * (r - s * z);
            e[0][i] += 2.0 * p * x;
            e[1][i] += 2.0 * q * v;
            e[2][i] += 2.0 * r * z;
            e[3][i] += p * v + q * x;
            e[4][i] += q * z + r * v;
            e[5][i] += p * z + r * x;
        }
    }
}

/* g->power = g->over^(exponent - 1), by products where the exponent is whole. */
static void overstress_power(grain *g, double exponent)
{
    const int whole = (int)(exponent + 0.5);
    const double gap = exponent - whole;
    if (gap < 1e-12 && gap > -1e-12 && whole < 512) {
        for (int p = 0; p < POINTS; p++) {
            g->power[p] = 1.0;
            g->square[p] = g->over[p];
        }
        for (int k = whole - 1; k > 0; k >>= 1) {
            if (k & 1)
                for (int p = 0; p < POINTS; p++)
                    g->power[p] *= g->square[p];
            for (int p = 0; p < POINTS; p++)
                g->square[p] *= g->square[p];
        }
    } else {
        for (int p = 0; p < POINTS; p++)
            g->power[p] = power_of(g->over[p], exponent - 1.0);
    }
}

static void resolve(lane *restrict tensor, const double *P, double *restrict tau)
{
    for (int p = 0; p < POINTS; p++)
        tau[p] = P[0] * tensor[0][p] + P[1] * tensor[1][p] + P[2] * tensor[2][p]
            + P[3] * tensor[3][p] + P[4] * tensor[4][p] + P[5] * tensor[5][p];
}

static void slip_rates(grain *g, lane *restrict y, lane *restrict f, int crystal)
{
    lane *slips = y + 9 + TWINS;
    for (int a = 0; a < SLIPS; a++) {
        const double *number = SLIP_NUMBERS[crystal][a];
        const double rate = number[1], exponent = number[2], h = number[3], saturation = number[4];
        const double ratio = number[5], latent = number[6], per_tau = 1.0 / number[0];
        const double slope = exponent * rate * per_tau;
        if (a == FAMILY[a][0]) {
            for (int p = 0; p < POINTS; p++)
                g->total[p] = 0.0;
            for (int b = FAMILY[a][0]; latent != 0.0 && b < FAMILY[a][1]; b++)
                for (int p = 0; p < POINTS; p++)
                    g->total[p] += slips[b][p];
        }
        resolve(g->effective, SLIP_SYMMETRIC[crystal][a], g->tau);
        for (int p = 0; p < POINTS; p++) {
            const double q = saturation > 0.0 ? exp_bounded(-ratio * slips[a][p]) : 1.0;
            const double size = g->tau[p] > 0.0 ? g->tau[p] : -g->tau[p];
            double over = size - latent * (g->total[p] - slips[a][p]) - saturation * (1.0 - q);
            over *= per_tau;
            g->strength_slope[a][p] = saturation > 0.0 ? h * q : 0.0;
            g->over[p] = over > 0.0 ? over : 0.0;
        }
        overstress_power(g, exponent);
        for (int p = 0; p < POINTS; p++) {
            const double size = rate * g->power[p] * g->over[p];
            f[9 + TWINS + a][p] = size;
            g->slip_rate[a][p] = g->tau[p] > 0.0 ? size : -size;
            g->stiffness[p] += slope * g->power[p] * (SHEAR_MODULUS + g->strength_slope[a][p]);
        }
    }
}

static void slip_velocity(grain *g, lane *restrict y, int crystal)
{
    lane *v = g->velocity, *s = g->other;
    for (int k = 0; k < 9; k++) {
        for (int p = 0; p < POINTS; p++)
            v[k][p] = 0.0;
        for (int a = 0; a < SLIPS; a++)
            for (int p = 0; p < POINTS; p++)
                v[k][p] += SLIP_FULL[crystal][a][k] * g->slip_rate[a][p];
    }
    memcpy(s, v, sizeof g->velocity);
    for (int b = 0; b < TWINS; b++) {
        const double *n = TWIN_NORMAL[crystal][b];
        for (int p = 0; p < POINTS; p++) {
            const double c = -2.0 * y[9 + b][p];
            double right[3], left[3], d = 0.0;
            for (int i = 0; i < 3; i++) {
                right[i] = s[3 * i][p] * n[0] + s[3 * i + 1][p] * n[1] + s[3 * i + 2][p] * n[2];
                left[i] = s[i][p] * n[0] + s[3 + i][p] * n[1] + s[6 + i][p] * n[2];
                d += right[i] * n[i];
            }
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    v[3 * i + j][p] += c * (right[i] - d * n[i]) * n[j]
                        + n[i] * (c * (left[j] - d * n[j]));
        }
    }
}

/* Adds the twins' part to the velocity. */
static void twin_rates(grain *g, lane *restrict y, lane *restrict f, int crystal)
{
    for (int b = 0; b < TWINS; b++) {
        const double *number = TWIN_NUMBERS[crystal][b];
        const double rate = number[1], exponent = number[2], h = number[3], k2 = 2.0 * number[4];
        const double shear = number[5], per_tau = 1.0 / number[0];
        const double slope = exponent * rate * per_tau;
        const double stiffness = slope * (shear * shear * SHEAR_MODULUS + h + k2 * (TWINS - 1));
        resolve(g->mandel, TWIN_SYMMETRIC[crystal][b], g->tau);
        for (int p = 0; p < POINTS; p++) {
            const double own = y[9 + b][p];
            const double drive = (shear * g->tau[p] - k2 * (g->twinned[p] - own) - h * own) * per_tau;
            const double grow = g->twinned[p] < 1.0 ? drive : 0.0;
            const double shrink = DETWINNING && own > 0.0 ? -drive : 0.0;
            g->tau[p] = drive;
            g->over[p] = drive > 0.0 ? grow : shrink;
        }
        overstress_power(g, exponent);
        for (int p = 0; p < POINTS; p++) {
            const double size = rate * g->power[p] * g->over[p];
            f[9 + b][p] = g->tau[p] > 0.0 ? size : -size;
            g->stiffness[p] += stiffness * g->power[p];
        }
        for (int k = 0; k < 9; k++)
            for (int p = 0; p < POINTS; p++)
                g->velocity[k][p] += shear * TWIN_FULL[crystal][b][k] * f[9 + b][p];
    }
}

/* Rates f of the state y; a bound on the spectral radius of their derivative is g->stiffness. */
static void rates(grain *g, lane *restrict y, lane *restrict f, int crystal)
{
    crystal_kinematics(g, y);
    effective_mandel(g, y, crystal);
    for (int p = 0; p < POINTS; p++)
        g->stiffness[p] = g->twinned[p] = 0.0;
    for (int b = 0; b < TWINS; b++)
        for (int p = 0; p < POINTS; p++)
            g->twinned[p] += y[9 + b][p];
    slip_rates(g, y, f, crystal);
    slip_velocity(g, y, crystal);
    twin_rates(g, y, f, crystal);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int p = 0; p < POINTS; p++)
                f[3 * i + j][p] = -(y[3 * i][p] * g->velocity[j][p]
                    + y[3 * i + 1][p] * g->velocity[3 + j][p]
                    + y[3 * i + 2][p] * g->velocity[6 + j][p]);
}
