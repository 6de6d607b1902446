/* SPDX-License-Identifier: MIT
 * cue.c - looks for the file once, and again whenever its directory changes. */
#include "cue.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"

void cue_look(struct cue *cue) {
    char events[4096];
    while (read(cue->fd, events, sizeof events) > 0) {
    }
    if (access(cue->file, F_OK) == 0) {
        cue_close(cue);
    }
}

bool cue_open(struct cue *cue, const char *file) {
    *cue = (struct cue){.file = file, .fd = -1};
    if (file == NULL) {
        return true;
    }
    char *path = xstrdup(file);
    cue->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int watch = inotify_add_watch(cue->fd, dirname(path), IN_CREATE | IN_MOVED_TO);
    free(path);
    if (watch < 0) {
        perror(file);
        cue_close(cue);
        return false;
    }
    cue_look(cue);
    return true;
}

void cue_close(struct cue *cue) {
    if (cue->fd >= 0) {
        (void)close(cue->fd);
        cue->fd = -1;
    }
}
