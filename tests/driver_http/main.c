/* SPDX-License-Identifier: MIT
 * main.c - kit_http: the http driver against scripted servers, one test per promise. */
#include <stdlib.h>

#include "cases.h"

int main(void) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        (void)unsetenv(proxies[i]);
    }
    return run_reader_cases() + run_answer_cases() + run_refusal_cases() + run_stream_cases() +
           run_life_cases() + run_legacy_cases() + run_tls_cases();
}
