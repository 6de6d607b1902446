/* SPDX-License-Identifier: MIT
 * principal.h - whom a session belongs to: a name, or nobody in particular. The sessions of one
 * principal are as good as absent for every other. */
#ifndef TRUNKD_SESSION_PRINCIPAL_H
#define TRUNKD_SESSION_PRINCIPAL_H

#define PRINCIPAL_ANONYMOUS ""

#endif
