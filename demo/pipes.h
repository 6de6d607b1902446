/* SPDX-License-Identifier: MIT
 * pipes.h - the demo backend on stdin and stdout: one thread, one session per process. */
#ifndef DEMO_PIPES_H
#define DEMO_PIPES_H

#include "options.h"

/* Serves until stdin ends; the exit code. */
int pipes_run(const struct demo_options *options);

#endif
