/* SPDX-License-Identifier: MIT */
/* Rotation and logarithmic strain of a chunk of deformation gradients F = R U.

   The first invariant of U solves a quartic of those of C = U U, whose derivative is positive there,
   also where stretches are equal (Hoger & Carlson, Quart. Appl. Math. 42, 1984). U - I is made of
   C - I = (U - I)(U + I), which is formed from F - I, so that round-off is relative to the strain.
   With X = U/J^(1/3) and D = X - I, log X is the integral of D (I + x D)^-1 over x from 0 to 1 by
   Gauss's rule, the inverse by the Cayley-Hamilton theorem: no eigenvectors. */

/* Rows of what `kinematics` fills in: components of log U; ln J; J - 1; R row by row. */
enum { STRAIN = 0, VOLUME = 6, GROWTH = 7, TURN = 8, KINEMATIC_ROWS = 17 };

/* The first point of the chunk with det F <= 0 or NaN, or -1. */
static int first_bad(double (*f)[POINTS], int here)
{
    for (int p = 0; p < here; p++) {
        const double det = f[0][p] * (f[4][p] * f[8][p] - f[5][p] * f[7][p])
            + f[1][p] * (f[5][p] * f[6][p] - f[3][p] * f[8][p])
            + f[2][p] * (f[3][p] * f[7][p] - f[4][p] * f[6][p]);
        if (!(det > 0.0 && det < 1e300))
            return p;
    }
    return -1;
}

/* log U from U - I in `e`, and ln J from J - 1. */
static void logarithm(double (*restrict e)[POINTS], double (*restrict k)[POINTS])
{
    for (int p = 0; p < POINTS; p++) {
        const double third = log_1p(k[GROWTH][p]) / 3.0, shift = exp_m1(-third), scale = 1.0 + shift;
        const double a = e[0][p] * scale + shift, b = e[1][p] * scale + shift;
        const double c = e[2][p] * scale + shift;
        const double d = e[3][p] * scale, g = e[4][p] * scale, h = e[5][p] * scale;
        const double K0 = b * c - g * g, K1 = a * c - h * h, K2 = a * b - d * d;
        e[0][p] = a;
        e[1][p] = b;
        e[2][p] = c;
        e[3][p] = d;
        e[4][p] = g;
        e[5][p] = h;
        e[6][p] = a + b + c;
        e[7][p] = K0 + K1 + K2;
        e[8][p] = a * K0 + d * (g * h - c * d) + h * (d * g - b * h);
        k[VOLUME][p] = 3.0 * third;
        e[9][p] = e[10][p] = e[11][p] = 0.0;
    }
    for (int node = 0; node < GAUSS; node++) {
        const double x = GAUSS_X[node], w = GAUSS_W[node];
        for (int p = 0; p < POINTS; p++) {
            const double term = w / (1.0 + x * (e[6][p] + x * (e[7][p] + x * e[8][p])));
            e[9][p] += term;
            e[10][p] += term * x;
            e[11][p] += term * x * x;
        }
    }
    for (int p = 0; p < POINTS; p++) {
        const double a = e[0][p], b = e[1][p], c = e[2][p], d = e[3][p], g = e[4][p], h = e[5][p];
        const double A = e[9][p], B = e[10][p];
        const double spherical = B * e[7][p] + e[11][p] * e[8][p] + k[VOLUME][p] / 3.0;
        k[0][p] = A * a - B * (b * c - g * g) + spherical;
        k[1][p] = A * b - B * (a * c - h * h) + spherical;
        k[2][p] = A * c - B * (a * b - d * d) + spherical;
        k[3][p] = A * d - B * (g * h - c * d);
        k[4][p] = A * g - B * (d * h - a * g);
        k[5][p] = A * h - B * (d * g - b * h);
    }
}

/* Everything of F in `f`; U - I is left in `u`. */
static void kinematics(double (*restrict f)[POINTS], double (*restrict u)[POINTS],
    double (*restrict k)[POINTS])
{
    double e[12][POINTS];
    for (int p = 0; p < POINTS; p++) {
        const double a = f[0][p] - 1.0, b = f[1][p], c = f[2][p];
        const double d = f[3][p], g = f[4][p] - 1.0, h = f[5][p];
        const double m = f[6][p], n = f[7][p], o = f[8][p] - 1.0;
        e[0][p] = 2.0 * a + (a * a + d * d + m * m);
        e[1][p] = 2.0 * g + (b * b + g * g + n * n);
        e[2][p] = 2.0 * o + (c * c + h * h + o * o);
        e[3][p] = b + d + (a * b + d * g + m * n);
        e[4][p] = h + n + (b * c + g * h + n * o);
        e[5][p] = c + m + (a * c + d * h + m * o);
        /* J - 1 without cancellation: invariants of F - I. */
        const double gh = g * o - h * n, dm = d * o - h * m, dn = d * n - g * m;
        const double J2 = (a * g - b * d) + (a * o - c * m) + gh;
        k[GROWTH][p] = (a + g + o) + J2 + (a * gh - b * dm + c * dn);
        e[6][p] = sqrt(3.0 * (3.0 + e[0][p] + e[1][p] + e[2][p]));
    }
    for (int iteration = 0; iteration < 60; iteration++) {
        int left = 0;
        for (int p = 0; p < POINTS; p++) {
            const double a = 1.0 + e[0][p], b = 1.0 + e[1][p], c = 1.0 + e[2][p];
            const double d = e[3][p], g = e[4][p], h = e[5][p], J = 1.0 + k[GROWTH][p];
            const double second = (b * c - g * g) + (a * c - h * h) + (a * b - d * d);
            const double x = e[6][p], y = x * x - (a + b + c);
            const double change = (y * y - 4.0 * second - 8.0 * J * x) / (4.0 * x * y - 8.0 * J);
            e[6][p] = x - change;
            left += change > 1e-8 * x ? 1 : 0;
        }
        if (left == 0)
            break;
    }
    for (int p = 0; p < POINTS; p++) {
        const double E0 = e[0][p], E1 = e[1][p], E2 = e[2][p];
        const double E3 = e[3][p], E4 = e[4][p], E5 = e[5][p];
        const double J = 1.0 + k[GROWTH][p], i1 = e[6][p];
        const double C0 = 1.0 + E0, C1 = 1.0 + E1, C2 = 1.0 + E2;
        const double i2 = 0.5 * (i1 * i1 - (C0 + C1 + C2));
        const double q = 1.0 / (i1 * i2 - J), r = i1 * i1 - i2, s = i1 * J;
        const double U0 = q * (s + r * C0 - (C0 * C0 + E3 * E3 + E5 * E5));
        const double U1 = q * (s + r * C1 - (E3 * E3 + C1 * C1 + E4 * E4));
        const double U2 = q * (s + r * C2 - (E5 * E5 + E4 * E4 + C2 * C2));
        const double U3 = q * (r * E3 - (C0 * E3 + E3 * C1 + E5 * E4));
        const double U4 = q * (r * E4 - (E3 * E5 + C1 * E4 + E4 * C2));
        const double U5 = q * (r * E5 - (C0 * E5 + E3 * E4 + E5 * C2));
        /* R = F U^-1 */
        double K0 = U1 * U2 - U4 * U4, K1 = U0 * U2 - U5 * U5, K2 = U0 * U1 - U3 * U3;
        double K3 = U4 * U5 - U2 * U3, K4 = U3 * U5 - U0 * U4, K5 = U3 * U4 - U1 * U5;
        double inverse = 1.0 / (U0 * K0 + U3 * K3 + U5 * K5);
        for (int i = 0; i < 3; i++) {
            const double x = f[3 * i][p], y = f[3 * i + 1][p], z = f[3 * i + 2][p];
            k[TURN + 3 * i][p] = inverse * (x * K0 + y * K3 + z * K5);
            k[TURN + 3 * i + 1][p] = inverse * (x * K3 + y * K1 + z * K4);
            k[TURN + 3 * i + 2][p] = inverse * (x * K5 + y * K4 + z * K2);
        }
        /* U - I = (C - I)(U + I)^-1 */
        const double W0 = 1.0 + U0, W1 = 1.0 + U1, W2 = 1.0 + U2;
        K0 = W1 * W2 - U4 * U4, K1 = W0 * W2 - U5 * U5, K2 = W0 * W1 - U3 * U3;
        K3 = U4 * U5 - W2 * U3, K4 = U3 * U5 - W0 * U4, K5 = U3 * U4 - W1 * U5;
        inverse = 1.0 / (W0 * K0 + U3 * K3 + U5 * K5);
        u[0][p] = e[0][p] = inverse * (E0 * K0 + E3 * K3 + E5 * K5);
        u[1][p] = e[1][p] = inverse * (E3 * K3 + E1 * K1 + E4 * K4);
        u[2][p] = e[2][p] = inverse * (E5 * K5 + E4 * K4 + E2 * K2);
        u[3][p] = e[3][p] = inverse * (E0 * K3 + E3 * K1 + E5 * K4);
        u[4][p] = e[4][p] = inverse * (E3 * K5 + E1 * K4 + E4 * K2);
        u[5][p] = e[5][p] = inverse * (E0 * K5 + E3 * K4 + E5 * K2);
    }
    logarithm(e, k);
}

/* F in `f` of a stretch given by U - I in `u`. */
static void as_gradient(double (*restrict u)[POINTS], double (*restrict f)[POINTS])
{
    static const int slot[9] = {0, 3, 5, 3, 1, 4, 5, 4, 2};
    for (int i = 0; i < 9; i++)
        for (int p = 0; p < POINTS; p++)
            f[i][p] = u[slot[i]][p] + (i % 4 == 0 ? 1.0 : 0.0);
}
