/* SPDX-License-Identifier: MIT
 * principal.h - whom a session belongs to. Nobody is told apart yet: every client is the anonymous
 * principal. */
#ifndef TRUNKD_SESSION_PRINCIPAL_H
#define TRUNKD_SESSION_PRINCIPAL_H

#define PRINCIPAL_ANONYMOUS ""

#endif
