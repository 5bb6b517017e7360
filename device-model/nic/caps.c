// SPDX-License-Identifier: BSD-2-Clause
#include "nic/caps.h"

#include <errno.h>
#include <string.h>

#include "espnic_regs.h"

const struct espnic_caps espnic_caps_offered = {
	.offload = ESPNIC_CAP_OFFLOAD_TX_CSUM | ESPNIC_CAP_OFFLOAD_RX_CSUM |
		   ESPNIC_CAP_OFFLOAD_TSO4 | ESPNIC_CAP_OFFLOAD_TSO6 | ESPNIC_CAP_OFFLOAD_RSS |
		   ESPNIC_CAP_OFFLOAD_MODERATION,
	.ipsec = ESPNIC_CAP_IPSEC_CRYPTO | ESPNIC_CAP_IPSEC_PACKET | ESPNIC_CAP_IPSEC_TRANSPORT |
		 ESPNIC_CAP_IPSEC_TUNNEL | ESPNIC_CAP_IPSEC_ESN | ESPNIC_CAP_IPSEC_UDP_ENCAP |
		 ESPNIC_CAP_IPSEC_LIFETIME | ESPNIC_CAP_IPSEC_FWD | ESPNIC_CAP_IPSEC_DORMANT |
		 ESPNIC_CAP_IPSEC_SEQ_LEASE | ESPNIC_CAP_IPSEC_SA_WINDOW |
		 ESPNIC_CAP_IPSEC_ESP_GSO | ESPNIC_CAP_IPSEC_ESP_CSUM |
		 ESPNIC_CAP_IPSEC_CRYPTO_UDP_ENCAP | ESPNIC_CAP_IPSEC_REVIVE |
		 ESPNIC_CAP_IPSEC_LAST_REPORT | ESPNIC_CAP_IPSEC_CRYPTO_NONCE |
		 ESPNIC_CAP_IPSEC_TX_PROTECT,
	.transforms = ESPNIC_CAP_TRANSFORMS_AES_GCM_128 | ESPNIC_CAP_TRANSFORMS_AES_GCM_192 |
		      ESPNIC_CAP_TRANSFORMS_AES_GCM_256 | ESPNIC_CAP_TRANSFORMS_AES_GMAC |
		      ESPNIC_CAP_TRANSFORMS_AES_CCM | ESPNIC_CAP_TRANSFORMS_CHACHA20_POLY1305 |
		      ESPNIC_CAP_TRANSFORMS_AES_CBC | ESPNIC_CAP_TRANSFORMS_AES_CTR |
		      ESPNIC_CAP_TRANSFORMS_DES3_CBC | ESPNIC_CAP_TRANSFORMS_NULL |
		      ESPNIC_CAP_TRANSFORMS_ICV_8 | ESPNIC_CAP_TRANSFORMS_ICV_12 |
		      ESPNIC_CAP_TRANSFORMS_ICV_16 | ESPNIC_CAP_TRANSFORMS_HMAC_MD5_96 |
		      ESPNIC_CAP_TRANSFORMS_HMAC_SHA1_96 | ESPNIC_CAP_TRANSFORMS_HMAC_SHA256_128 |
		      ESPNIC_CAP_TRANSFORMS_HMAC_SHA384_192 |
		      ESPNIC_CAP_TRANSFORMS_HMAC_SHA512_256 | ESPNIC_CAP_TRANSFORMS_AES_XCBC_96 |
		      ESPNIC_CAP_TRANSFORMS_AES_CMAC_96,
};

/* A flag, by the word of struct espnic_caps that it is in. */
struct flag {
	const char *name;
	size_t word;
	uint32_t mask;
};

static const struct flag flags[] = {
#define OFFLOAD(n, m, d) { #n, offsetof(struct espnic_caps, offload), m },
#define IPSEC(n, m, d) { #n, offsetof(struct espnic_caps, ipsec), m },
#define TRANSFORMS(n, m, d) { #n, offsetof(struct espnic_caps, transforms), m },
	ESPNIC_CAP_OFFLOAD_LIST(OFFLOAD) ESPNIC_CAP_IPSEC_LIST(IPSEC)
		ESPNIC_CAP_TRANSFORMS_LIST(TRANSFORMS)
#undef OFFLOAD
#undef IPSEC
#undef TRANSFORMS
};

static uint32_t *word(struct espnic_caps *caps, const struct flag *f)
{
	return (uint32_t *)((uint8_t *)caps + f->word);
}

int espnic_caps_hide(struct espnic_caps *hidden, const char *name, size_t len)
{
	struct espnic_caps offered = espnic_caps_offered;
	unsigned int i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const struct flag *f = &flags[i];

		if (strlen(f->name) != len || memcmp(f->name, name, len) != 0)
			continue;
		if (!(*word(&offered, f) & f->mask))
			return -ENXIO;
		*word(hidden, f) |= f->mask;
		return 0;
	}
	return -ENOENT;
}
