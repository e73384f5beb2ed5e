/* folder.h - a folder of files that appears whole or not at all.
 *
 * It is filled as "<path>.partial" and then takes the place of what was at `path` in one step of
 * the file system, so that an interrupted program leaves the old folder or the new one.
 * Folders are flat: they hold files and no folders. */
#ifndef FB_BASE_FOLDER_H
#define FB_BASE_FOLDER_H

#include "base/err.h"

struct fb_folder {
    char *path;    /* owned: where it will be */
    char *partial; /* owned: where it is filled */
};

/* Makes an empty "<path>.partial"; one that an earlier program left behind is removed. */
int fb_folder_begin(struct fb_folder *f, const char *path, struct fb_err *err) FB_MUST_CHECK;
/* Puts it in its place; what was there is removed. */
int fb_folder_commit(struct fb_folder *f, struct fb_err *err) FB_MUST_CHECK;
/* Removes what was filled; does nothing after a commit or on a zeroed struct. */
void fb_folder_abandon(struct fb_folder *f);

/* Removes a folder of files; one that does not exist is fine. FB_EIO if there is a folder in it. */
int fb_folder_remove(const char *path, struct fb_err *err) FB_MUST_CHECK;

#endif
