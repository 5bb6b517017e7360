// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPsec tables in the process itself, instead of those of the kernel it runs on: for daemons that are to be tried where the kernel has no ESP. To be preloaded
 * (LD_PRELOAD); sockets of NETLINK_XFRM then are pairs of local ones, at whose other end the tables of tests/unit/ikekernel answer at once. All else, netlink of
 * routes and policies of sockets too, is the kernel's.
 *
 * $ESPNIC_IKE_TABLE names the file that has the states as they are, a line each: `SPI SOURCE DESTINATION MODE ENCAP`, then `NAME:KEY` of each algorithm by name.
 * For a process of one thread, as far as these sockets go.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "../unit/ikekernel/fake_kernel.h"

enum { FDS = 1024, REPLY = 8192, ALGORITHMS = 4 };

/* The next function of this name, that of the library itself. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static int other_end[FDS]; /* of a socket of ours; 0: it is none */
static struct fake_kernel tables;

static bool ours(int fd)
{
	return fd >= 0 && fd < FDS && other_end[fd];
}

/* ------------------------------------------------------------------ what is in the tables */

static const struct nlattr *next_attr(const struct nlmsghdr *m, const struct nlattr *a)
{
	const char *at = a ? (const char *)a + NLA_ALIGN(a->nla_len) : (const char *)NLMSG_DATA(m) + NLMSG_ALIGN(sizeof(struct xfrm_usersa_info));

	a = (const struct nlattr *)at;
	return at + sizeof(*a) <= (const char *)m + m->nlmsg_len && a->nla_len >= sizeof(*a) ? a : NULL;
}

static void show_key(FILE *f, const char *name, const char *key, unsigned int bits)
{
	fprintf(f, " %s:", name);
	for (unsigned int i = 0; i < bits / 8; i++)
		fprintf(f, "%02x", (unsigned char)key[i]);
}

static void show_algorithm(FILE *f, const struct nlattr *a)
{
	const struct xfrm_algo_auth *auth = (const void *)(a + 1);
	const struct xfrm_algo_aead *aead = (const void *)(a + 1);
	const struct xfrm_algo *crypt = (const void *)(a + 1);

	switch (a->nla_type) {
	case XFRMA_ALG_AEAD:
		show_key(f, aead->alg_name, aead->alg_key, aead->alg_key_len);
		break;
	case XFRMA_ALG_CRYPT:
		show_key(f, crypt->alg_name, crypt->alg_key, crypt->alg_key_len);
		break;
	case XFRMA_ALG_AUTH_TRUNC:
		show_key(f, auth->alg_name, auth->alg_key, auth->alg_key_len);
		break;
	default:
		break;
	}
}

static void show_state(FILE *f, const struct nlmsghdr *m)
{
	static const uint16_t algorithms[] = { XFRMA_ALG_AEAD, XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC };
	const struct xfrm_usersa_info *info = NLMSG_DATA(m);
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const struct nlattr *a = NULL;
	bool encap = false;

	inet_ntop(info->family, &info->saddr, from, sizeof(from));
	inet_ntop(info->family, &info->id.daddr, to, sizeof(to));
	while ((a = next_attr(m, a)))
		encap |= a->nla_type == XFRMA_ENCAP;
	fprintf(f, "%08x %s %s %s %s", ntohl(info->id.spi), from, to, info->mode == XFRM_MODE_TUNNEL ? "tunnel" : "transport", encap ? "udp" : "esp");
	for (unsigned int i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		for (a = NULL; (a = next_attr(m, a));)
			if (a->nla_type == algorithms[i])
				show_algorithm(f, a);
	fprintf(f, "\n");
}

/* Whoever reads the file finds the states of one moment. */
static void show(void)
{
	const char *path = getenv("ESPNIC_IKE_TABLE");
	char name[4096];
	FILE *f;

	if (!path || snprintf(name, sizeof(name), "%s.new", path) >= (int)sizeof(name))
		return;
	f = fopen(name, "w");
	if (!f)
		return;
	for (unsigned int i = 0; i < FAKE_OBJECTS; i++)
		if (tables.object[i].used && !tables.object[i].policy)
			show_state(f, (const struct nlmsghdr *)tables.object[i].msg);
	fclose(f);
	rename(name, path);
}

/* ------------------------------------------------------------------ answers */

struct asker {
	const struct nlmsghdr *req;
	int fd;
};

static void reply(const struct asker *to, unsigned int type, unsigned int flags, const void *data, size_t len)
{
	_Alignas(8) char out[REPLY] = { 0 };
	struct nlmsghdr *m = (struct nlmsghdr *)out;

	if (len > sizeof(out) - NLMSG_HDRLEN)
		abort();
	m->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	m->nlmsg_type = (uint16_t)type;
	m->nlmsg_flags = (uint16_t)flags;
	m->nlmsg_seq = to->req->nlmsg_seq;
	memcpy(NLMSG_DATA(m), data, len);
	if (NEXT(send)(to->fd, out, m->nlmsg_len, MSG_NOSIGNAL) != (ssize_t)m->nlmsg_len)
		abort();
}

static void acknowledge(const struct asker *to, int error)
{
	const struct nlmsgerr e = { .error = error, .msg = *to->req };

	reply(to, NLMSG_ERROR, NLM_F_CAPPED, &e, sizeof(e));
}

static int tell(const struct nlmsghdr *m, void *ctx)
{
	const struct asker *to = ctx;
	bool dump = (to->req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	reply(to, m->nlmsg_type, dump ? NLM_F_MULTI : 0, NLMSG_DATA(m), m->nlmsg_len - NLMSG_HDRLEN);
	return 0;
}

/* A number that nothing has; the larval state itself is not kept. */
static void allocate_spi(const struct asker *to)
{
	const struct xfrm_userspi_info *asked = NLMSG_DATA(to->req);
	struct xfrm_usersa_info got = asked->info;
	uint32_t any;

	if (asked->min > asked->max || getrandom(&any, sizeof(any), 0) != sizeof(any)) {
		acknowledge(to, -EINVAL);
		return;
	}
	got.id.spi = htonl(asked->min + (uint32_t)(any % ((uint64_t)asked->max - asked->min + 1)));
	reply(to, XFRM_MSG_NEWSA, 0, &got, sizeof(got));
}

static int ask_tables(struct asker *who, struct nlmsghdr *m)
{
	struct espnic_xfrm x = fake_kernel_open(&tables);
	char text[ESPNIC_XFRM_TEXT];

	return x.ops->talk(x.ctx, m, tell, who, text);
}

/* UPDSA is what replaces a larval state, or one that is there. */
static int update(struct asker *who, struct nlmsghdr *m)
{
	const struct xfrm_usersa_info *info = NLMSG_DATA(m);
	struct nlmsghdr *old = fake_state(&tables, ntohl(info->id.spi));

	if (old)
		memset((char *)old - offsetof(struct fake_object, msg), 0, sizeof(struct fake_object));
	m->nlmsg_type = XFRM_MSG_NEWSA;
	return ask_tables(who, m);
}

static void flush(bool policies)
{
	for (unsigned int i = 0; i < FAKE_OBJECTS; i++)
		if (tables.object[i].policy == policies)
			tables.object[i].used = false;
}

static void answer(int fd, const void *data, size_t len)
{
	_Alignas(8) char in[REPLY];
	struct nlmsghdr *m = (struct nlmsghdr *)in;
	struct asker who = { .req = data, .fd = other_end[fd] };
	const int done = 0;
	int rc = 0;

	if (len > sizeof(in) || len < NLMSG_HDRLEN || who.req->nlmsg_len > len)
		abort();
	memcpy(in, data, len);
	switch (m->nlmsg_type) {
	case XFRM_MSG_ALLOCSPI:
		allocate_spi(&who);
		return;
	case XFRM_MSG_UPDSA:
		rc = update(&who, m);
		break;
	case XFRM_MSG_FLUSHSA:
	case XFRM_MSG_FLUSHPOLICY:
		flush(m->nlmsg_type == XFRM_MSG_FLUSHPOLICY);
		break;
	case XFRM_MSG_GETSA:
	case XFRM_MSG_GETPOLICY:
		rc = ask_tables(&who, m);
		if (rc)
			acknowledge(&who, rc);
		else if ((m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
			reply(&who, NLMSG_DONE, NLM_F_MULTI, &done, sizeof(done));
		return;
	default:
		rc = ask_tables(&who, m);
		break;
	}
	show();
	acknowledge(&who, rc);
}

/* ------------------------------------------------------------------ in place of the library's */

static void from_kernel(struct sockaddr *addr, socklen_t *len)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (!addr || !len)
		return;
	memcpy(addr, &kernel, *len < sizeof(kernel) ? *len : sizeof(kernel));
	*len = sizeof(kernel);
}

int socket(int domain, int type, int protocol)
{
	int pair[2];

	if (domain != AF_NETLINK || protocol != NETLINK_XFRM)
		return NEXT(socket)(domain, type, protocol);
	if (socketpair(AF_UNIX, SOCK_DGRAM | (type & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0, pair))
		return -1;
	if (pair[0] >= FDS)
		abort();
	other_end[pair[0]] = pair[1];
	return pair[0];
}

int close(int fd)
{
	if (ours(fd)) {
		NEXT(close)(other_end[fd]);
		other_end[fd] = 0;
	}
	return NEXT(close)(fd);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return ours(fd) ? 0 : NEXT(bind)(fd, addr, len);
}

int getsockname(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	if (!ours(fd))
		return NEXT(getsockname)(fd, addr, len);
	from_kernel(addr, len);
	return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return ours(fd) && level == SOL_NETLINK ? 0 : NEXT(setsockopt)(fd, level, name, value, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
	if (!ours(fd))
		return NEXT(write)(fd, data, len);
	answer(fd, data, len);
	return (ssize_t)len;
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	if (!ours(fd))
		return NEXT(sendto)(fd, data, len, flags, addr, addr_len);
	answer(fd, data, len);
	return (ssize_t)len;
}

ssize_t recvfrom(int fd, void *restrict data, size_t len, int flags, struct sockaddr *restrict addr, socklen_t *restrict addr_len)
{
	ssize_t got;

	if (!ours(fd))
		return NEXT(recvfrom)(fd, data, len, flags, addr, addr_len);
	got = NEXT(recv)(fd, data, len, flags);
	if (got >= 0)
		from_kernel(addr, addr_len);
	return got;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	void *name = m->msg_name;
	socklen_t room = m->msg_namelen;
	ssize_t got = NEXT(recvmsg)(fd, m, flags);

	if (got >= 0 && ours(fd)) {
		from_kernel(name, &room);
		m->msg_namelen = room;
	}
	return got;
}
