/* SPDX-License-Identifier: MIT
 * cmocka_fail.c - a case of the kit's calls that fails is a cmocka test that fails. */
#include "kit_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void kit_fail(const char *file, int line, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s\n", text);
    _fail(file, line);
    abort(); /* never: _fail leaves by longjmp */
}
