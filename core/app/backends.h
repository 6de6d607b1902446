/* SPDX-License-Identifier: MIT
 * backends.h - the command `trunkd backends`: a doctor that connects to each backend and prints
 * what it finds. */
#ifndef TRUNKD_APP_BACKENDS_H
#define TRUNKD_APP_BACKENDS_H

#include <stdio.h>

#include "app/config.h"

/* One block per backend to out: state, version, protocol, tools, or what is wrong. Returns the exit
 * code: 0 when every enabled backend is well, else 1. */
int backends_command(struct config *config, struct log *log, FILE *out);

#endif
