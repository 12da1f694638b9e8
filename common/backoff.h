/*
 * backoff.h: how long to wait before attempt n. Pure.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include "common/base.h"

/*
 * Milliseconds before the attempt after `failed` (1, 2, ...) failed ones: doubles from `base_ms`
 * up to `cap_ms`, then a random part of up to a half of it is taken off, so that tenants that
 * failed together do not come back together. `random` is any 32 random bits.
 */
int64_t backoff_delay(int failed, int64_t base_ms, int64_t cap_ms, uint32_t random);

#endif
