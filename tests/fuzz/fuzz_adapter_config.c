/* adapter_config.json: what is read must answer for any module. */
#include "ckpt/lora_config.h"
#include "config/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const modules[] = {"q", "encoder.block.3.layer.0.SelfAttention.q", ""};
    struct fb_arena arena = {0};
    struct fb_lora_config config;
    struct fb_node *json;
    struct fb_err err = {0};

    if (!fb_json_parse(&json, &arena, (const char *)data, size, "f", &err) &&
        !fb_lora_config_read(&config, json, &err))
        for (int i = 0; i < 3; i++) {
            int64_t r;
            double scale;
            bool yes;
            if (fb_lora_config_targets(&config, modules[i], &yes, &err) ||
                fb_lora_config_disagrees(&config, modules[i], &yes, &err) ||
                fb_lora_config_scale(&config, modules[i], &r, &scale, &err))
                err.code = FB_OK;
            fb_lora_config_saves(&config, modules[i]);
        }
    fb_arena_free(&arena);
    return 0;
}
