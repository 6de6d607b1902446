/* SPDX-License-Identifier: MIT
 * timestamp.c - times in ISO 8601. */
#include "catalogue/timestamp.h"

struct reader {
    const char *at;
    const char *end;
};

static bool take(struct reader *reader, char byte) {
    if (reader->at < reader->end && *reader->at == byte) {
        reader->at++;
        return true;
    }
    return false;
}

/* A number of exactly so many digits, up to max. */
static bool take_number(struct reader *reader, int digits, int max, int *out) {
    *out = 0;
    for (int i = 0; i < digits; i++) {
        if (reader->at == reader->end || *reader->at < '0' || *reader->at > '9') {
            return false;
        }
        *out = *out * 10 + (*reader->at++ - '0');
    }
    return *out <= max;
}

static int days_of(int year, int month) {
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2) {
        return is_leap ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool take_date(struct reader *reader) {
    int year;
    int month;
    int day;
    return take_number(reader, 4, 9999, &year) && take(reader, '-') &&
           take_number(reader, 2, 12, &month) && month >= 1 && take(reader, '-') &&
           take_number(reader, 2, days_of(year, month), &day) && day >= 1;
}

static bool take_time(struct reader *reader) {
    int number;
    if (!take_number(reader, 2, 23, &number) || !take(reader, ':') ||
        !take_number(reader, 2, 59, &number)) {
        return false;
    }
    if (!take(reader, ':')) {
        return true;
    }
    if (!take_number(reader, 2, 59, &number)) {
        return false;
    }
    if (!take(reader, '.')) {
        return true;
    }
    const char *begin = reader->at;
    while (take_number(reader, 1, 9, &number)) {
    }
    return reader->at > begin;
}

static bool take_offset(struct reader *reader) {
    int number;
    if (take(reader, 'Z')) {
        return true;
    }
    return (take(reader, '+') || take(reader, '-')) && take_number(reader, 2, 23, &number) &&
           take(reader, ':') && take_number(reader, 2, 59, &number);
}

bool timestamp_is_valid(struct trunk_slice quoted) {
    const char *text = quoted.data;
    struct reader reader = {text + 1, text + quoted.len - 1};
    return take_date(&reader) && take(&reader, 'T') && take_time(&reader) && take_offset(&reader) &&
           reader.at == reader.end;
}
