// SPDX-License-Identifier: BSD-2-Clause
/*
 * A capture file as the wire: its frames arrive, once, in order, as fast as they
 * are taken; what is sent is written to another file. Reads pcapng
 * (draft-ietf-opsawg-pcapng) and pcap, of either byte order, Ethernet only. The
 * whole file is read and checked when it is opened, so that nothing can go wrong later.
 */
#include "wire/kinds.h"

#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "espnic_regs.h"
#include "nic/pcap.h"

enum pcap_wire_limits {
	FILE_MAX = 1 << 30,		/* bytes of an input file: it is held in memory */
	IFACES_MAX = 65536,		/* interfaces of a section: more are a corrupt file */
};

enum pcap_format {
	LINKTYPE_ETHERNET = 1,
	PCAP_HEAD = 24,
	PCAP_RECORD = 16,
	PCAP_MAGIC_USEC = 0xa1b2c3d4,
	PCAP_MAGIC_NSEC = 0xa1b23c4d,
	PCAP_FCS = 0x04000000,		/* in the link type word: frames end with an FCS */
	NG_SHB = 0x0a0d0d0a,
	NG_IDB = 1,
	NG_PB = 2,			/* obsolete, but old tools wrote it */
	NG_SPB = 3,
	NG_EPB = 6,
	NG_MAGIC = 0x1a2b3c4d,
	NG_BLOCK_MIN = 12,
	NG_SHB_MIN = 28,
	NG_IDB_MIN = 20,
	NG_SPB_MIN = 16,
	NG_EPB_MIN = 32,
	NG_BODY = 8,			/* where a block's body begins */
};

struct record {
	uint32_t off;			/* of the frame in `file` */
	uint32_t len;
};

struct pcap_wire {
	struct espnic_wire wire;
	uint8_t *file;
	uint32_t size;
	struct record *records;
	uint32_t count, room;
	uint32_t next;			/* receiving thread */
	struct espnic_pcap *out;	/* NULL: what is sent goes nowhere */
	char err[160];
};

static struct pcap_wire *to_pcap(struct espnic_wire *w)
{
	return (struct pcap_wire *)w;
}

/* Says why the file is no good; returns false. */
__attribute__((format(printf, 2, 3)))
static bool bad(struct pcap_wire *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, sizeof(p->err), fmt, ap);
	va_end(ap);
	return false;
}

static uint32_t get32(const uint8_t *at, bool swap)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return swap ? bswap_32(v) : v;
}

static uint16_t get16(const uint8_t *at, bool swap)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return swap ? bswap_16(v) : v;
}

/* Remembers a frame of @len bytes at @off, that was @orig bytes long before the capture cut it. */
static bool add_record(struct pcap_wire *p, uint32_t off, uint32_t len, uint32_t orig)
{
	if (len == 0 || len > ESPNIC_MAX_FRAME || len < orig) {
		espnic_wire_skip(&p->wire, 1);
		return true;
	}
	if (p->count == p->room) {
		uint32_t room = p->room ? 2 * p->room : 1024;
		struct record *r = reallocarray(p->records, room, sizeof(*r));

		if (!r)
			return bad(p, "out of memory");
		p->records = r;
		p->room = room;
	}
	p->records[p->count++] = (struct record){ off, len };
	return true;
}

static bool check_link(struct pcap_wire *p, uint32_t link)
{
	return link == LINKTYPE_ETHERNET ||
	       bad(p, "link type %u, only Ethernet (1) can be a wire", link);
}

static bool scan_pcap(struct pcap_wire *p, bool swap)
{
	uint32_t off = PCAP_HEAD, link;

	if (p->size < PCAP_HEAD)
		return bad(p, "cut in the file header");
	link = get32(p->file + 20, swap);
	if (link & PCAP_FCS)
		return bad(p, "frames with an FCS cannot be read");
	if (!check_link(p, link & 0xffff))
		return false;
	while (off < p->size) {
		uint32_t len;

		if (p->size - off < PCAP_RECORD)
			return bad(p, "cut in a record header at byte %u", off);
		len = get32(p->file + off + 8, swap);
		if (p->size - off - PCAP_RECORD < len)
			return bad(p, "record at byte %u claims %u bytes, past the end", off, len);
		if (!add_record(p, off + PCAP_RECORD, len, get32(p->file + off + 12, swap)))
			return false;
		off += PCAP_RECORD + len;
	}
	return true;
}

/* One section's state. */
struct section {
	bool swap;
	uint32_t ifaces;
	/* of interface 0, which simple packets belong to; 0: none */
	uint32_t snaplen0;
};

/*
 * A block with a packet: @caplen bytes at @data, in a block that begins at @off and has @len bytes.
 */
static bool scan_packet(struct pcap_wire *p, uint32_t off, uint32_t len, uint32_t data,
			uint32_t caplen, uint32_t orig)
{
	/* Behind the data stands at least the second total length. */
	if (caplen > len - data - 4)
		return bad(p, "packet at byte %u claims %u bytes, past its block", off, caplen);
	return add_record(p, off + data, caplen, orig);
}

/* The block at @off, of @len bytes, a multiple of 4, at least NG_BLOCK_MIN, within the file. */
static bool scan_block(struct pcap_wire *p, struct section *s, uint32_t type, uint32_t off,
		       uint32_t len)
{
	const uint8_t *b = p->file + off;
	uint32_t iface, orig, caplen;

	switch (type) {
	case NG_IDB:
		if (len < NG_IDB_MIN)
			return bad(p, "interface block at byte %u is too short", off);
		if (s->ifaces == IFACES_MAX)
			return bad(p, "more than %d interfaces", IFACES_MAX);
		if (!s->ifaces++)
			s->snaplen0 = get32(b + NG_BODY + 4, s->swap);
		return check_link(p, get16(b + NG_BODY, s->swap));
	case NG_EPB:
	case NG_PB:
		if (len < NG_EPB_MIN)
			return bad(p, "packet block at byte %u is too short", off);
		iface = type == NG_EPB ? get32(b + NG_BODY, s->swap) : get16(b + NG_BODY, s->swap);
		if (iface >= s->ifaces)
			return bad(p,
				   "packet at byte %u is of interface %u, which is not described",
				   off, iface);
		return scan_packet(p, off, len, NG_EPB_MIN - 4, get32(b + 20, s->swap),
				   get32(b + 24, s->swap));
	case NG_SPB:
		if (len < NG_SPB_MIN)
			return bad(p, "packet block at byte %u is too short", off);
		if (!s->ifaces)
			return bad(p, "packet at byte %u is of interface 0, which is not described",
				   off);
		orig = get32(b + NG_BODY, s->swap);
		caplen = s->snaplen0 && s->snaplen0 < orig ? s->snaplen0 : orig;
		return scan_packet(p, off, len, NG_SPB_MIN - 4, caplen, orig);
	default:
		return true;
	}
}

static bool scan_pcapng(struct pcap_wire *p)
{
	struct section s = { 0 };
	uint32_t off = 0;

	while (off < p->size) {
		uint32_t type, len;

		if (p->size - off < NG_BLOCK_MIN)
			return bad(p, "cut in a block header at byte %u", off);
		type = get32(p->file + off, s.swap);
		/* Its type reads the same in both byte orders; what follows tells which it is. */
		if (type == NG_SHB) {
			uint32_t magic = get32(p->file + off + NG_BODY, false);

			if (magic != NG_MAGIC && magic != bswap_32(NG_MAGIC))
				return bad(p, "no byte-order magic in the section at byte %u", off);
			s = (struct section){ .swap = magic != NG_MAGIC };
		}
		len = get32(p->file + off + 4, s.swap);
		if (len < NG_BLOCK_MIN || len % 4 || len > p->size - off)
			return bad(p, "block at byte %u claims %u bytes", off, len);
		if (get32(p->file + off + len - 4, s.swap) != len)
			return bad(p, "block at byte %u has two different lengths", off);
		if (type == NG_SHB && (len < NG_SHB_MIN || get16(p->file + off + 12, s.swap) != 1))
			return bad(p, "section at byte %u is not of version 1", off);
		if (!scan_block(p, &s, type, off, len))
			return false;
		off += len;
	}
	return true;
}

static bool scan(struct pcap_wire *p)
{
	uint32_t magic;

	if (p->size < sizeof(magic))
		return bad(p, "not a pcap or pcapng file");
	magic = get32(p->file, false);
	if (magic == NG_SHB)
		return scan_pcapng(p);
	if (magic == PCAP_MAGIC_USEC || magic == PCAP_MAGIC_NSEC)
		return scan_pcap(p, false);
	if (bswap_32(magic) == PCAP_MAGIC_USEC || bswap_32(magic) == PCAP_MAGIC_NSEC)
		return scan_pcap(p, true);
	return bad(p, "not a pcap or pcapng file");
}

static bool read_file(struct pcap_wire *p, int fd)
{
	uint32_t done = 0;
	struct stat st;

	if (fstat(fd, &st))
		return bad(p, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return bad(p, "not a regular file");
	if (st.st_size > FILE_MAX)
		return bad(p, "larger than %d MiB", FILE_MAX >> 20);
	p->size = (uint32_t)st.st_size;
	p->file = malloc(p->size ? p->size : 1);
	if (!p->file)
		return bad(p, "out of memory");
	while (done < p->size) {
		ssize_t n = read(fd, p->file + done, p->size - done);

		if (n < 0)
			return bad(p, "%s", strerror(errno));
		if (!n)
			return bad(p, "became shorter while it was read");
		done += (uint32_t)n;
	}
	return true;
}

static bool load(struct pcap_wire *p, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok;

	if (fd < 0)
		return bad(p, "%s", strerror(errno));
	ok = read_file(p, fd);
	close(fd);
	return ok && scan(p);
}

static void pcap_close(struct espnic_wire *w)
{
	struct pcap_wire *p = to_pcap(w);

	(void)espnic_pcap_close(p->out);
	free(p->records);
	free(p->file);
	free(p);
}

static struct espnic_wire *pcap_open(const char *arg, char *err, size_t err_len)
{
	struct pcap_wire *p = calloc(1, sizeof(*p));
	size_t in_len = strcspn(arg, ",");
	char *in = strndup(arg, in_len);

	if (!p || !in) {
		snprintf(err, err_len, "wire pcap: out of memory");
		goto fail;
	}
	p->wire.ops = &espnic_wire_pcap_ops;
	if (!in_len || (arg[in_len] && !arg[in_len + 1])) {
		snprintf(err, err_len, "wire pcap: \"%s\" is not IN or IN,OUT", arg);
		goto fail;
	}
	if (!load(p, in)) {
		snprintf(err, err_len, "wire pcap: %s: %s", in, p->err);
		goto fail;
	}
	if (arg[in_len]) {
		p->out = espnic_pcap_open(arg + in_len + 1, err, err_len);
		if (!p->out)
			goto fail;
	}
	free(in);
	return &p->wire;
fail:
	if (p)
		pcap_close(&p->wire);
	free(in);
	return NULL;
}

static int pcap_send(struct espnic_wire *w, const struct espnic_wire_frame *frames, unsigned int n)
{
	struct pcap_wire *p = to_pcap(w);

	for (unsigned int i = 0; p->out && i < n; i++)
		espnic_pcap_frame(p->out, ESPNIC_PCAP_WIRE, frames[i].data, frames[i].len,
				  ESPNIC_PCAP_OUT, NULL);
	return (int)n;
}

static void pcap_wait_writable(struct espnic_wire *w, int timeout_ms)
{
	/* A file always takes more. */
	(void)w;
	(void)timeout_ms;
}

static int pcap_recv(struct espnic_wire *w, struct espnic_wire_frame *frames, unsigned int n)
{
	struct pcap_wire *p = to_pcap(w);
	unsigned int got;

	for (got = 0; got < n && p->next < p->count; got++, p->next++) {
		frames[got].data = p->file + p->records[p->next].off;
		frames[got].len = p->records[p->next].len;
	}
	return (int)got;
}

static void pcap_wait_readable(struct espnic_wire *w, int wake_fd, int timeout_ms)
{
	struct pcap_wire *p = to_pcap(w);

	if (p->next == p->count)
		espnic_wire_sleep(wake_fd, timeout_ms);
}

static bool pcap_link_up(struct espnic_wire *w)
{
	(void)w;
	return true;
}

const struct espnic_wire_ops espnic_wire_pcap_ops = {
	.name = "pcap",
	.open = pcap_open,
	.close = pcap_close,
	.send = pcap_send,
	.wait_writable = pcap_wait_writable,
	.recv = pcap_recv,
	.wait_readable = pcap_wait_readable,
	.link_up = pcap_link_up,
};
