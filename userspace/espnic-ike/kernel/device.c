// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/device.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FEATURES = 512, /* more than Linux has; it is asked how many first */
};

static int ethtool(int fd, const char *name, void *cmd)
{
	struct ifreq req = { 0 };

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_data = cmd;
	return ioctl(fd, SIOCETHTOOL, &req) ? -errno : 0;
}

/* How many features the kernel names; 0 if it says nothing. */
static uint32_t count_features(int fd, const char *name)
{
	union {
		struct ethtool_sset_info info;
		uint32_t room[sizeof(struct ethtool_sset_info) / 4 + 1];
	} u = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };

	if (ethtool(fd, name, &u) || !u.info.sset_mask)
		return 0;
	return u.info.data[0];
}

/* The number of the feature called @wanted; -1 if the kernel has none. */
static int find_feature(int fd, const char *name, uint32_t n, const char *wanted)
{
	struct ethtool_gstrings *s = calloc(1, sizeof(*s) + (size_t)n * ETH_GSTRING_LEN);
	int found = -1;
	uint32_t i;

	if (!s)
		return -1;
	s->cmd = ETHTOOL_GSTRINGS;
	s->string_set = ETH_SS_FEATURES;
	s->len = n;
	if (!ethtool(fd, name, s))
		for (i = 0; i < s->len && i < n && found < 0; i++)
			if (!strncmp((char *)s->data + (size_t)i * ETH_GSTRING_LEN, wanted, ETH_GSTRING_LEN))
				found = (int)i;
	free(s);
	return found;
}

static bool feature_on(int fd, const char *name, const char *wanted)
{
	union {
		struct ethtool_gfeatures get;
		char room[sizeof(struct ethtool_gfeatures) + FEATURES / 32 * sizeof(struct ethtool_get_features_block)];
	} u = { .get = { .cmd = ETHTOOL_GFEATURES } };
	uint32_t n = count_features(fd, name);
	int i;

	if (!n || n > FEATURES)
		return false;
	i = find_feature(fd, name, n, wanted);
	u.get.size = (n + 31) / 32;
	if (i < 0 || ethtool(fd, name, &u))
		return false;
	return u.get.features[i / 32].active >> i % 32 & 1;
}

int espnic_device_probe(const char *name, struct espnic_device *out)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &req)) {
		rc = -errno;
	} else {
		out->ifindex = (uint32_t)req.ifr_ifindex;
		if (ioctl(fd, SIOCGIFFLAGS, &req))
			rc = -errno;
		else
			out->up = req.ifr_flags & IFF_UP;
		out->esp = feature_on(fd, name, "esp-hw-offload");
	}
	close(fd);
	return rc;
}
