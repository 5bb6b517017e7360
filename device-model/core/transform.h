/* SPDX-License-Identifier: BSD-2-Clause */
/* Transforms and keys: from the firmware's terms to the engine's. */
#ifndef ESPNIC_CORE_TRANSFORM_H
#define ESPNIC_CORE_TRANSFORM_H

#include "engine/engine.h"
#include "hal.h"

/*
 * Copies transforms, keys, salt and ICV length of @sa into @p, which the caller wipes. False, and no
 * key copied: a transform the engine does not know, or a key that is too long for it.
 */
bool espnic_core_transform(struct espnic_sa_params *p, const struct espnic_hal_sa *sa);

#endif
