#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

int fb_digest_begin(struct fb_digest *d, struct fb_err *err) {
    d->state = EVP_MD_CTX_new();
    if (d->state && EVP_DigestInit_ex(d->state, EVP_sha256(), NULL)) return FB_OK;
    return fb_fail(err, FB_ENOMEM, "out of memory: SHA-256");
}

int fb_digest_add(struct fb_digest *d, const void *bytes, size_t size, struct fb_err *err) {
    if (EVP_DigestUpdate(d->state, bytes, size)) return FB_OK;
    return fb_fail(err, FB_EIO, "SHA-256 failed");
}

int fb_digest_add_text(struct fb_digest *d, const char *text, struct fb_err *err) {
    return fb_digest_add(d, text, strlen(text) + 1, err);
}

int fb_digest_add_int(struct fb_digest *d, int64_t value, struct fb_err *err) {
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (8 * i) & 255);
    return fb_digest_add(d, bytes, sizeof bytes, err);
}

int fb_digest_end(struct fb_digest *d, char text[FB_SHA256_TEXT], struct fb_err *err) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!EVP_DigestFinal_ex(d->state, digest, &size)) return fb_fail(err, FB_EIO, "SHA-256 failed");
    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return FB_OK;
}

void fb_digest_free(struct fb_digest *d) {
    EVP_MD_CTX_free(d->state);
    d->state = NULL;
}
