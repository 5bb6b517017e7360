// SPDX-License-Identifier: BSD-2-Clause
/*
 * From an ESP packet to a job: nonce, IV, AAD, and what the MAC is over.
 *
 * The high half of an extended sequence number is authenticated and not sent. An AEAD
 * has it in its AAD (RFC 4106 section 5, RFC 4309 section 5, RFC 7634 section 2.1). A
 * MAC has it behind the trailer (RFC 4303 section 2.2.1): there stands the ICV, which the
 * job holds meanwhile. AES-GMAC has it behind the SPI (RFC 4543 section 3.3): the SPI
 * moves up by four bytes meanwhile, over the end of the header in front.
 */
#include <string.h>

#include "engine/pipeline.h"

enum {
	SPI_LEN = 4,
	CTR_COUNTER = 12,	/* offset of the counter in its block: RFC 3686 section 4 */
	CTR_FIRST = 1,
	SHORT_IV = 8,		/* bytes: whatever has a salt, and 3DES */
	USUAL_ICV = 16,
};

/* Lengths known to the compiler are copied without a call. */
static void copy_icv(uint8_t *to, const uint8_t *from, uint8_t len)
{
	if (len == USUAL_ICV)
		memcpy(to, from, USUAL_ICV);
	else
		memcpy(to, from, len);
}

static bool is_gmac_esn(const struct espnic_sa *sa)
{
	return sa->enc == ESPNIC_ENC_AES_GMAC && sa->info.esn;
}

static void aead_input(struct espnic_job *job, uint64_t seq)
{
	job->auth = job->aad;
	espnic_put32(job->aad, job->sa->info.spi);
	if (job->sa->info.esn) {
		espnic_put64(job->aad + SPI_LEN, seq);
		job->auth_len = SPI_LEN + 8;
	} else {
		espnic_put32(job->aad + SPI_LEN, (uint32_t)seq);
		job->auth_len = SPI_LEN + 4;
	}
}

static void gmac_input(struct espnic_job *job, struct espnic_esp_job *e, uint64_t seq)
{
	job->text_len = 0;
	if (!job->sa->info.esn)
		return;
	memcpy(e->before, e->esp - ESPNIC_ESN_HIGH, ESPNIC_ESN_HIGH);
	memcpy(e->esp - ESPNIC_ESN_HIGH, e->esp, SPI_LEN);
	espnic_put32(e->esp, (uint32_t)(seq >> 32));
	job->auth = e->esp - ESPNIC_ESN_HIGH;
	job->auth_len += ESPNIC_ESN_HIGH;
}

static void mac_input(struct espnic_job *job, uint64_t seq, bool make_iv)
{
	uint8_t iv_len = job->sa->info.iv_len;

	switch (job->sa->enc) {
	case ESPNIC_ENC_NULL:
		job->text_len = 0;
		break;
	case ESPNIC_ENC_AES_CTR:
		espnic_put32(job->iv + CTR_COUNTER, CTR_FIRST);
		job->iv_len = ESPNIC_JOB_IV;
		break;
	default:
		/* E(x) is the first block of CBC over x | text with an IV of zeros. */
		if (make_iv) {
			memset(job->iv, 0, sizeof(job->iv));
			job->text -= iv_len;
			job->text_len += iv_len;
		}
		break;
	}
	if (job->sa->info.esn) {
		espnic_put32((uint8_t *)job->auth + job->auth_len, (uint32_t)(seq >> 32));
		job->auth_len += ESPNIC_ESN_HIGH;
	}
}

void espnic_esp_job_begin(struct espnic_job *job, struct espnic_esp_job *e,
			  const struct espnic_sa *sa, uint8_t *esp, uint32_t len, uint64_t seq,
			  bool seal, bool make_iv)
{
	uint8_t *iv = esp + ESPNIC_ESP_HLEN;
	uint8_t iv_len = sa->info.iv_len;

	e->esp = esp;
	e->text_len = len;
	job->sa = sa;
	job->seal = seal;
	job->good = false;
	job->text = iv + iv_len;
	job->text_len = len;
	job->auth = esp;
	job->auth_len = ESPNIC_ESP_HLEN + iv_len + len;
	/* RFC 4106 section 4, and likewise all others: the nonce is the salt and the IV. */
	memcpy(job->iv, sa->salt, sizeof(sa->salt));
	if (iv_len == SHORT_IV)
		memcpy(job->iv + sa->salt_len, iv, SHORT_IV);
	else
		memcpy(job->iv, iv, iv_len);
	job->iv_len = sa->salt_len + iv_len;
	if (!seal)
		copy_icv(job->icv, job->text + len, sa->info.icv_len);

	if (espnic_enc_is_aead(sa->enc))
		aead_input(job, seq);
	else if (sa->enc == ESPNIC_ENC_AES_GMAC)
		gmac_input(job, e, seq);
	else
		mac_input(job, seq, make_iv);
}

void espnic_esp_job_end(const struct espnic_job *job, const struct espnic_esp_job *e)
{
	const struct espnic_sa *sa = job->sa;
	uint8_t *end = e->esp + ESPNIC_ESP_HLEN + sa->info.iv_len + e->text_len;

	/* Opening an AEAD's packet left nothing to put back. */
	if (!job->seal && espnic_enc_is_aead(sa->enc))
		return;
	if (is_gmac_esn(sa)) {
		memcpy(e->esp, e->esp - ESPNIC_ESN_HIGH, SPI_LEN);
		memcpy(e->esp - ESPNIC_ESN_HIGH, e->before, ESPNIC_ESN_HIGH);
	}
	copy_icv(end, job->icv, sa->info.icv_len);
}
