// SPDX-License-Identifier: BSD-2-Clause
/*
 * Version negotiation. Of the client's JSON only a few numbers matter; a scanner finds them by
 * name, wherever they stand, and refuses what is not balanced.
 */
#include "vfio-user/vfu.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	MAX_DEPTH = 16, /* nesting; QEMU uses 3 */
	MAX_JSON = 4096, /* bytes; QEMU sends 194 */
	REPLY_JSON = 192, /* bytes: QEMU wants the reply no larger than its request */
};

enum cap { CAP_MAX_MSG_FDS, CAP_MAX_DATA_XFER_SIZE, CAP_PGSIZES, CAP_MAX_DMA_MAPS, CAP_COUNT };

struct caps {
	bool given[CAP_COUNT];
	uint64_t value[CAP_COUNT];
};

/* What this server says of itself, in case the client speaks of it. */
static const struct {
	const char *name;
	uint32_t ours;
} cap_table[CAP_COUNT] = {
	[CAP_MAX_MSG_FDS] = { "max_msg_fds", ESPNIC_VFU_MAX_FDS },
	[CAP_MAX_DATA_XFER_SIZE] = { "max_data_xfer_size", ESPNIC_VFU_MAX_XFER },
	[CAP_PGSIZES] = { "pgsizes", ESPNIC_VFU_PAGE },
	[CAP_MAX_DMA_MAPS] = { "max_dma_maps", ESPNIC_VFU_MAX_MAPS },
};

/* A reader of NUL-terminated text. */
static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')
		s++;
	return s;
}

/* @s is after the opening quote: the closing one, or NULL. */
static const char *string_end(const char *s)
{
	for (; *s && *s != '"'; s++) {
		if (*s != '\\')
			continue;
		s++; /* what is escaped is no quote */
		if (!*s)
			return NULL;
	}
	return *s ? s : NULL;
}

/* The number at @s to *@value. False if it does not fit. */
static bool number(const char *s, uint64_t *value)
{
	uint64_t v = 0;

	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	*value = v;
	return true;
}

/*
 * A string of @len bytes at @name, followed by @rest: note it if it is the name of a number we
 * want.
 */
static bool note_cap(const char *name, size_t len, const char *rest, struct caps *caps)
{
	rest = skip_space(rest);
	if (*rest != ':')
		return true;
	rest = skip_space(rest + 1);
	for (unsigned int i = 0; i < CAP_COUNT; i++) {
		if (strlen(cap_table[i].name) != len || memcmp(cap_table[i].name, name, len) != 0)
			continue;
		caps->given[i] = true;
		return isdigit((unsigned char)*rest) && number(rest, &caps->value[i]);
	}
	return true;
}

static bool scan(const char *s, struct caps *caps)
{
	int depth = 0;

	s = skip_space(s);
	if (*s != '{')
		return false;
	for (; *s; s++) {
		if (*s == '{' || *s == '[') {
			if (++depth > MAX_DEPTH)
				return false;
		} else if (*s == '}' || *s == ']') {
			if (--depth < 0)
				return false;
		} else if (*s == '"') {
			const char *end = string_end(s + 1);

			if (!end || !note_cap(s + 1, (size_t)(end - s - 1), end + 1, caps))
				return false;
			s = end;
		}
	}
	return depth == 0;
}

/* The server's capabilities, those alone that the client named. Its length with the NUL. */
static size_t answer(char *buf, const struct caps *caps)
{
	int n = snprintf(buf, REPLY_JSON, "{\"capabilities\":{");
	const char *comma = "";

	for (unsigned int i = 0; i < CAP_COUNT; i++) {
		if (!caps->given[i])
			continue;
		n += snprintf(buf + n, (size_t)(REPLY_JSON - n), "%s\"%s\":%u", comma,
			      cap_table[i].name, cap_table[i].ours);
		comma = ",";
	}
	n += snprintf(buf + n, (size_t)(REPLY_JSON - n), "}}");
	return (size_t)n + 1;
}

int espnic_vfu_do_version(struct espnic_vfu *vfu, size_t len)
{
	struct espnic_vfu_version v;
	const char *json = (const char *)vfu->rx.body + sizeof(v);
	uint8_t *reply = espnic_vfu_payload(vfu);
	uint32_t max_xfer = ESPNIC_VFU_MAX_XFER;
	struct caps caps = { 0 };
	size_t n = len - sizeof(v);

	memcpy(&v, vfu->rx.body, sizeof(v));
	if (vfu->negotiated || v.major != ESPNIC_VFU_MAJOR)
		return -EINVAL;
	if (n && (n > MAX_JSON || json[n - 1] || !scan(json, &caps)))
		return -EINVAL;
	if (caps.given[CAP_MAX_DATA_XFER_SIZE]) {
		if (!caps.value[CAP_MAX_DATA_XFER_SIZE])
			return -EINVAL;
		if (caps.value[CAP_MAX_DATA_XFER_SIZE] < max_xfer)
			max_xfer = (uint32_t)caps.value[CAP_MAX_DATA_XFER_SIZE];
	}
	v.minor = ESPNIC_VFU_MINOR;
	memcpy(reply, &v, sizeof(v));
	if (n)
		n = answer((char *)reply + sizeof(v), &caps);
	vfu->negotiated = true;
	espnic_vfu_dma_msg_set_client(&vfu->dma_msg, true, max_xfer);
	return (int)(sizeof(v) + n);
}
