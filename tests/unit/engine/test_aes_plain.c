// SPDX-License-Identifier: BSD-2-Clause
/* The tests of AES once more, of its text in plain C11: one word a slice, no vectors. */
#define ESPNIC_PLAIN_C

#include "engine/aes.c"	/* NOLINT */

#include "test_aes.c"
