/* SPDX-License-Identifier: BSD-2-Clause */
/* The bodies behind espnic_engine_get(), and what they share. */
#ifndef ESPNIC_ENGINE_BODIES_H
#define ESPNIC_ENGINE_BODIES_H

#include "engine/aead.h"
#include "engine/engine.h"
#include "engine/transform.h"

extern const struct espnic_engine_ops espnic_engine_ref;
extern const struct espnic_engine_ops espnic_engine_fast;
extern const struct espnic_engine_ops espnic_engine_rtl;

struct espnic_engine_thread *espnic_thread_new(void);
void espnic_thread_free(struct espnic_engine_thread *t);

#endif
