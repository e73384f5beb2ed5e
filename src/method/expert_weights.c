#include "method/expert_weights.h"

#include <math.h>

int fb_expert_weights_check(const struct fb_reals *weights, double sum, bool normalize, int experts,
                            struct fb_err *err) {
    if (weights->count != experts)
        return fb_fail(err, FB_ECONFIG,
                       "option 'weights': %jd weights for %d experts; there must be one for each",
                       (intmax_t)weights->count, experts);
    if (normalize && (sum == 0 || !isfinite(sum)))
        return fb_fail(err, FB_ECONFIG,
                       "option 'weights': they sum to %g and cannot be normalized; change them or "
                       "set normalize=false",
                       sum);
    return FB_OK;
}
