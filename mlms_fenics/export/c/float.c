/* SPDX-License-Identifier: MIT */
/* What networks need beside them, in single precision. */

/* exp(x) to 2e-7 relative; x is cut to [-87, 87]. */
static inline real real_exp(real x)
{
    real y = x > 87.0f ? 87.0f : x;
    y = y > -87.0f ? y : -87.0f;
    const real t = y * 1.442695041f;
    const int32_t n = (int32_t)(t + (t > 0.0f ? 0.5f : -0.5f));
    const real r = (y - n * 0.693145752f) - n * 1.42860677e-6f;
    real p = 1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720 + r * (1.0f / 5040)));
    p = 1.0f + r * (1.0f + r * (0.5f + r * (1.0f / 6 + r * p)));
    const int32_t bits = (int32_t)((uint32_t)(n + 127) << 23);
    real power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* log(1 + exp(a)) */
static inline real softplus(real a)
{
    const real u = real_exp(a > 0.0f ? -a : a), w = u / (2.0f + u), q = w * w;
    real p = 1.0f / 7 + q * (1.0f / 9 + q * (1.0f / 11 + q * (1.0f / 13)));
    p = 1.0f + q * (1.0f / 3 + q * (1.0f / 5 + q * p));
    return (a > 0.0f ? a : 0.0f) + 2.0f * w * p;
}

/* (1 - exp(-x))/x */
static inline real mean_decay(real x)
{
    const real safe = x > 0.3f ? x : 0.3f, far = (1.0f - real_exp(-safe)) / safe;
    real p = 1.0f / 24 - x * (1.0f / 120 - x * (1.0f / 720));
    p = 1.0f - x * (0.5f - x * (1.0f / 6 - x * p));
    return x < 0.3f ? p : far;
}

/* x^(-1/4), x > 0 */
static inline real fourth_root_inverse(real x) { return 1.0f / sqrtf(sqrtf(x)); }

static inline real root(real x) { return sqrtf(x); }
