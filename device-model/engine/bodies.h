/* SPDX-License-Identifier: BSD-2-Clause */
/* The bodies behind espnic_engine_get(), and what they share. */
#ifndef ESPNIC_ENGINE_BODIES_H
#define ESPNIC_ENGINE_BODIES_H

#include "engine/aead.h"
#include "engine/engine.h"

extern const struct espnic_engine_ops espnic_engine_ref;
extern const struct espnic_engine_ops espnic_engine_fast;

/* The primitives of the body called @name (as for espnic_engine_get()), for bare AEAD requests. */
const struct espnic_aead_ops *espnic_aead_get(const char *name, const char **why);

struct espnic_engine_thread *espnic_thread_new(void);
void espnic_thread_free(struct espnic_engine_thread *t);

#endif
