/* SPDX-License-Identifier: MIT */
/* Elementary functions without branches or calls, so that loops over points are vectorised. */

static inline double exp_bounded(double x)
{
    double y = x > 700.0 ? 700.0 : x;
    y = y > -700.0 ? y : -700.0;
    const double t = y * 1.4426950408889634;
    const int k = (int)(t + (t > 0.0 ? 0.5 : -0.5));
    const double r = (y - k * 0.6931471803691238) - k * 1.9082149292705877e-10;
    double p = 1.0 / 39916800 + r * (1.0 / 479001600);
    p = 1.0 / 362880 + r * (1.0 / 3628800 + r * p);
    p = 1.0 / 5040 + r * (1.0 / 40320 + r * p);
    p = 1.0 / 120 + r * (1.0 / 720 + r * p);
    p = 1.0 / 6 + r * (1.0 / 24 + r * p);
    p = 1.0 + r * (1.0 + r * (0.5 + r * p));
    const int64_t bits = (int64_t)((uint64_t)(k + 1023) << 52);
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* log(x) of a normal x > 0. */
static inline double log_positive(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* x = 2^k z with z between sqrt(1/2) and sqrt(2). */
    const int k = (int)((bits - INT64_C(0x3FE6A09E667F3BCD)) >> 52);
    bits -= (int64_t)k * INT64_C(0x10000000000000);
    double z;
    memcpy(&z, &bits, sizeof z);
    const double f = (z - 1.0) / (z + 1.0), s = f * f;
    double p = 1.0 / 17 + s * (1.0 / 19 + s * (1.0 / 21));
    p = 1.0 / 11 + s * (1.0 / 13 + s * (1.0 / 15 + s * p));
    p = 1.0 / 5 + s * (1.0 / 7 + s * (1.0 / 9 + s * p));
    p = 2.0 * f + 2.0 * f * s * (1.0 / 3 + s * p);
    return k * 0.6931471803691238 + (p + k * 1.9082149292705877e-10);
}

/* log(1 + x), to round-off of itself however small x is. */
static inline double log_1p(double x)
{
    const double far = log_positive(1.0 + x), f = x / (2.0 + x), s = f * f;
    double p = 1.0 / 19 + s * (1.0 / 21 + s * (1.0 / 23));
    p = 1.0 / 13 + s * (1.0 / 15 + s * (1.0 / 17 + s * p));
    p = 1.0 / 7 + s * (1.0 / 9 + s * (1.0 / 11 + s * p));
    p = 2.0 * f * (1.0 + s * (1.0 / 3 + s * (1.0 / 5 + s * p)));
    return (x > -0.25) & (x < 0.5) ? p : far;
}

/* (exp(x) - 1)/x, likewise. */
static inline double exp_m1_over(double x)
{
    const double safe = (x < 0.3) & (x > -0.3) ? 0.3 : x;
    const double far = (exp_bounded(safe) - 1.0) / safe;
    double p = 1.0 / 362880 + x * (1.0 / 3628800 + x * (1.0 / 39916800 + x * (1.0 / 479001600)));
    p = 1.0 / 120 + x * (1.0 / 720 + x * (1.0 / 5040 + x * (1.0 / 40320 + x * p)));
    p = 1.0 + x * (1.0 / 2 + x * (1.0 / 6 + x * (1.0 / 24 + x * p)));
    return (x < 0.3) & (x > -0.3) ? p : far;
}

static inline double exp_m1(double x) { return x * exp_m1_over(x); }
