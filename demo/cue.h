/* SPDX-License-Identifier: MIT
 * cue.h - the file that the answers to initialize may wait for. */
#ifndef DEMO_CUE_H
#define DEMO_CUE_H

#include <stdbool.h>

struct cue {
    const char *file;
    int fd; /* readable when it is time to look; -1: there is no cue, or it has come */
};

/* file NULL: there is none. False, and the reason on stderr: its directory cannot be watched. */
bool cue_open(struct cue *cue, const char *file);
void cue_look(struct cue *cue);
void cue_close(struct cue *cue);

static inline bool cue_is_awaited(const struct cue *cue) {
    return cue->fd >= 0;
}

#endif
