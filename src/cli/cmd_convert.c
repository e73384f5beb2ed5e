/* cmd_convert.c - a checkpoint or an adapter as a safetensors file or a model's folder. */
#include "cli/command.h"

#include "pool/conversion.h"

struct opts {
    const char *base;
    const char *dtype;
    bool force;
};

static const struct fb_opt opts[] = {
    FB_OPT_TEXT(struct opts, base, "null",
                "model that the adapter IN is merged into: folder, file or hub name (default: the "
                "one its adapter_config.json names)"),
    FB_OPT_CHOICE(struct opts, dtype, "keep", "keep|float32|float16|bfloat16",
                  "type of the float tensors; each value is rounded once, integers are kept"),
    FB_OPT_BOOL(struct opts, force, "false", "replace OUT if it exists"),
    FB_OPT_END,
};

static int run(const void *options, int argc, char **argv, struct fb_cli *cli, struct fb_err *err) {
    const struct opts *o = options;
    struct fb_conversion c = {.base = o->base, .dtype = o->dtype, .force = o->force};
    struct fb_converted done;
    double started = fb_now();

    if (argc != 2)
        return fb_fail(err, FB_EUSAGE, "convert: expects two names, IN and OUT, found %d", argc);
    c.in = argv[0];
    c.out = argv[1];
    if (fb_convert(&c, &done, cli->log, cli->arena, err)) return fb_context(err, "convert");
    if (done.changed)
        fb_info(cli->log, "merged the adapter into %jd tensors%s", (intmax_t)done.changed,
                done.heads ? " and added its head" : "");
    fb_info(cli->log, "wrote %s: %jd tensors, %jd parameters, %jd bytes, in %.2f s", c.out,
            (intmax_t)done.tensors, (intmax_t)done.elements, (intmax_t)done.bytes,
            fb_now() - started);
    return FB_OK;
}

const struct fb_command fb_cmd_convert = {
    .name = "convert",
    .arguments = "IN OUT",
    .summary = "Write a checkpoint, or an adapter merged into its base, as safetensors.",
    .details =
        "IN is a .safetensors or torch file, an index of shards, a folder in Hugging Face layout, "
        "the\nfolder of a LoRA adapter, or the name of a model in the local Hugging Face cache.\n"
        "OUT that ends in .safetensors is one file with the weights; any other OUT is a folder "
        "that\ntransformers opens: model.safetensors, config.json, the tokenizer files, a model "
        "card.\n\n"
        "    fusion_bench convert pytorch_model.bin model.safetensors\n"
        "    fusion_bench convert google/flan-t5-base flan-t5-base-bf16 --dtype bfloat16\n"
        "    fusion_bench convert tanganke/flan-t5-base_glue-rte_lora-16 rte-merged\n"
        "    fusion_bench convert --base gpt2 my-adapter merged.safetensors\n\n"
        "Tensors keep their names. An adapter is merged as PEFT's merge_and_unload does it, and "
        "the\nhead it carries comes along; its weights alone are written from the file "
        "(my-adapter/\nadapter_model.bin). Nothing that exists is replaced without --force, and a "
        "file is\nreplaced only when the new one is complete.",
    .opts = opts,
    .opts_size = sizeof(struct opts),
    .run = run,
};
