/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says to the checker of constant time what is secret and what is not. In a build for valgrind or
 * clang's MemorySanitizer a secret is memory without a value, so that these report each branch and
 * each address that depends on it; in all others both are nothing.
 */
#ifndef ESPNIC_ENGINE_SECRET_H
#define ESPNIC_ENGINE_SECRET_H

#if defined(ESPNIC_CT_VALGRIND)

#include <valgrind/memcheck.h>

#define espnic_secret(p, len) VALGRIND_MAKE_MEM_UNDEFINED(p, len)
#define espnic_public(p, len) VALGRIND_MAKE_MEM_DEFINED(p, len)

#elif defined(ESPNIC_CT_MSAN)

#include <sanitizer/msan_interface.h>

#define espnic_secret(p, len) __msan_poison(p, len)
#define espnic_public(p, len) __msan_unpoison(p, len)

#else

#define espnic_secret(p, len) ((void)(p), (void)(len))
#define espnic_public(p, len) ((void)(p), (void)(len))

#endif

#endif
