/* SPDX-License-Identifier: MIT
 * kit_fail.h - how a case of the driver kit fails: whoever runs the cases defines it. */
#ifndef TRUNK_KIT_FAIL_H
#define TRUNK_KIT_FAIL_H

/* Ends the running case as failed. file and line: where the kit has seen it. */
__attribute__((format(printf, 3, 4))) _Noreturn void kit_fail(const char *file, int line,
                                                              const char *format, ...);

#define KIT_FAIL(...) kit_fail(__FILE__, __LINE__, __VA_ARGS__)

#endif
