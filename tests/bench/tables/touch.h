/* SPDX-License-Identifier: BSD-2-Clause */
/* For the build that counts: included in front of the tables' sources. */
#ifndef TESTS_BENCH_TABLES_TOUCH_H
#define TESTS_BENCH_TABLES_TOUCH_H

#include <stddef.h>

/* Notes that a lookup reads @n bytes at @p. */
void bench_touch(const void *p, size_t n);

#define ESPNIC_TOUCH(p, n) bench_touch(p, n)

#endif
