/* SPDX-License-Identifier: MIT */
/* What networks need beside them, in double precision. */

static inline real real_exp(real x) { return exp_bounded(x); }

/* log(1 + exp(a)) */
static inline real softplus(real a)
{
    return (a > 0.0 ? a : 0.0) + log_1p(exp_bounded(a > 0.0 ? -a : a));
}

/* (1 - exp(-x))/x */
static inline real mean_decay(real x) { return exp_m1_over(-x); }

/* x^(-1/4), x > 0 */
static inline real fourth_root_inverse(real x) { return 1.0 / sqrt(sqrt(x)); }

static inline real root(real x) { return sqrt(x); }
