/* methods.c - the registry of methods: one row each. */
#include "method/method.h"

extern const struct fb_method fb_method_dummy, fb_method_simple_average, fb_method_weighted_average,
    fb_method_task_arithmetic, fb_method_ties_merging, fb_method_gpt2_fisher_merging,
    fb_method_t5_fisher_merging, fb_method_gpt2_regmean, fb_method_t5_regmean,
    fb_method_simple_ensemble, fb_method_weighted_ensemble, fb_method_max_model_predictor,
    fb_method_layer_wise_gpt2, fb_method_layer_wise_flan_t5;

const struct fb_method *const fb_methods[] = {&fb_method_dummy,
                                              &fb_method_simple_average,
                                              &fb_method_weighted_average,
                                              &fb_method_task_arithmetic,
                                              &fb_method_ties_merging,
                                              &fb_method_gpt2_fisher_merging,
                                              &fb_method_t5_fisher_merging,
                                              &fb_method_gpt2_regmean,
                                              &fb_method_t5_regmean,
                                              &fb_method_simple_ensemble,
                                              &fb_method_weighted_ensemble,
                                              &fb_method_max_model_predictor,
                                              &fb_method_layer_wise_gpt2,
                                              &fb_method_layer_wise_flan_t5,
                                              NULL};
