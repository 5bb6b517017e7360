// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host memory. The client maps pieces of it at bus addresses, most with a file behind them, and
 * takes them away again at any time. Every access looks its address up anew and lets go of the
 * lock when it has been done: no pointer outlives an access.
 */
#include "vfio-user/server.h"
#include "vfio-user/vfu.h"

#include <endian.h>
#include <errno.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The map this thread copies from or to just now: tells the SIGBUS handler whose loss it is. */
static _Thread_local struct espnic_vfu_map *volatile touched;

/*
 * Where this thread found its last map: most accesses of a thread go to the same piece. A guess,
 * checked before use.
 */
static _Thread_local unsigned int last_found;

static size_t map_len(const struct espnic_vfu_map *m)
{
	return (size_t)(m->last - m->iova + 1);
}

/*
 * The file behind a map is shorter than it was: what is gone raises SIGBUS. Put private memory in
 * the place of the whole map, mark it lost, and let the copy run to its end; the access then fails.
 */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct espnic_vfu_map *m = touched;
	uint8_t *at = info->si_addr;

	(void)context;
	if (m && at >= m->host && at < m->host + map_len(m) &&
	    mmap(m->host, map_len(m), PROT_READ | PROT_WRITE,
		 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
		__atomic_store_n(&m->lost, 1, __ATOMIC_RELAXED);
		return;
	}
	/* Not ours: happen again, with the default action. */
	signal(sig, SIG_DFL);
}

int espnic_vfu_dma_guard(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigemptyset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) ? -errno : 0;
}

int espnic_vfu_dma_init(struct espnic_vfu_dma *dma)
{
	pthread_rwlockattr_t attr;

	dma->maps = calloc(ESPNIC_VFU_MAX_MAPS, sizeof(*dma->maps));
	if (!dma->maps)
		return -ENOMEM;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&dma->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return 0;
}

void espnic_vfu_dma_destroy(struct espnic_vfu_dma *dma)
{
	espnic_vfu_dma_unmap_all(dma);
	pthread_rwlock_destroy(&dma->lock);
	free(dma->maps);
}

/* Index of the first map that ends at or after @iova; nmaps if there is none. */
static unsigned int first_at(const struct espnic_vfu_dma *dma, uint64_t iova)
{
	unsigned int lo = 0, hi = dma->nmaps;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (dma->maps[mid].last < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The map that holds @iova, or NULL. */
static struct espnic_vfu_map *find(const struct espnic_vfu_dma *dma, uint64_t iova)
{
	unsigned int i = last_found;

	if (i >= dma->nmaps || iova < dma->maps[i].iova || iova > dma->maps[i].last) {
		i = first_at(dma, iova);
		if (i == dma->nmaps || iova < dma->maps[i].iova)
			return NULL;
		last_found = i;
	}
	return &dma->maps[i];
}

/* Map the file behind @m. */
static int map_file(struct espnic_vfu_map *m, uint64_t offset, int fd)
{
	int prot = (m->flags & VFIO_DMA_MAP_FLAG_READ ? PROT_READ : 0) |
		   (m->flags & VFIO_DMA_MAP_FLAG_WRITE ? PROT_WRITE : 0);
	uint64_t end;
	struct stat st;
	void *host;

	if (fstat(fd, &st))
		return -errno;
	/* Past the end of the file there is nothing but SIGBUS. */
	if (!S_ISREG(st.st_mode) || __builtin_add_overflow(offset, m->last - m->iova, &end) ||
	    end >= (uint64_t)st.st_size)
		return -EINVAL;
	host = mmap(NULL, map_len(m), prot, MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
	if (host == MAP_FAILED)
		return -errno;
	/* The host's memory, keys in its rings among it, stays out of our core dumps. */
	madvise(host, map_len(m), MADV_DONTDUMP);
	m->host = host;
	return 0;
}

int espnic_vfu_dma_map(struct espnic_vfu_dma *dma, const struct espnic_vfu_dma_map *req, int fd)
{
	struct espnic_vfu_map m = { .iova = req->addr, .flags = req->flags };
	unsigned int at;
	int ret = 0;

	if (!req->flags || req->flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;
	if (!req->size || (req->addr | req->size | req->offset) & (ESPNIC_VFU_PAGE - 1) ||
	    __builtin_add_overflow(req->addr, req->size - 1, &m.last))
		return -EINVAL;
	/* This is the one thread that changes the table, so it may look without the lock. */
	at = first_at(dma, m.iova);
	if (at < dma->nmaps && dma->maps[at].iova <= m.last)
		return -EEXIST;
	if (dma->nmaps == ESPNIC_VFU_MAX_MAPS)
		return -ENOSPC;
	if (fd >= 0)
		ret = map_file(&m, req->offset, fd);
	if (ret)
		return ret;

	pthread_rwlock_wrlock(&dma->lock);
	memmove(&dma->maps[at + 1], &dma->maps[at], (dma->nmaps - at) * sizeof(m));
	dma->maps[at] = m;
	dma->nmaps++;
	pthread_rwlock_unlock(&dma->lock);
	return 0;
}

int espnic_vfu_dma_unmap(struct espnic_vfu_dma *dma, uint64_t iova, uint64_t size)
{
	unsigned int at = first_at(dma, iova);
	struct espnic_vfu_map m;

	if (!size)
		return -EINVAL;
	if (at == dma->nmaps || dma->maps[at].iova != iova || dma->maps[at].last - iova != size - 1)
		return -ENOENT;

	pthread_rwlock_wrlock(&dma->lock);
	m = dma->maps[at];
	dma->nmaps--;
	memmove(&dma->maps[at], &dma->maps[at + 1], (dma->nmaps - at) * sizeof(m));
	pthread_rwlock_unlock(&dma->lock);
	if (m.host)
		munmap(m.host, map_len(&m));
	return 0;
}

void espnic_vfu_dma_unmap_all(struct espnic_vfu_dma *dma)
{
	unsigned int n = dma->nmaps;

	pthread_rwlock_wrlock(&dma->lock);
	dma->nmaps = 0;
	pthread_rwlock_unlock(&dma->lock);
	/* The entries stand as they were; none can be found any more. */
	for (unsigned int i = 0; i < n; i++)
		if (dma->maps[i].host)
			munmap(dma->maps[i].host, map_len(&dma->maps[i]));
}

void espnic_vfu_dma_set_master(struct espnic_vfu_dma *dma, bool master)
{
	pthread_rwlock_wrlock(&dma->lock);
	dma->master = master;
	pthread_rwlock_unlock(&dma->lock);
}

/*
 * With the lock held: the map for an access of kind @need at @iova, to *@map. -ECANCELED: the
 * gate is closed; -EFAULT: bus mastering is off, nothing is mapped there, or not for this.
 */
static int lookup(const struct espnic_vfu_dma *dma, uint64_t iova, uint32_t need,
		  struct espnic_vfu_map **map)
{
	struct espnic_vfu_map *m;

	if (!dma->gate)
		return -ECANCELED;
	if (!dma->master)
		return -EFAULT;
	m = find(dma, iova);
	if (!m || !(m->flags & need))
		return -EFAULT;
	*map = m;
	return 0;
}

/*
 * Host memory is ordered by the host's own rules (phases, tails), through another process
 * that the thread sanitizer cannot see: it is told not to look.
 */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line)
#define AnnotateIgnoreReadsEnd(file, line)
#define AnnotateIgnoreWritesBegin(file, line)
#define AnnotateIgnoreWritesEnd(file, line)
#endif

/* Begin and end touching the memory of @m. */
static void touch(struct espnic_vfu_map *m)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
	touched = m;
	atomic_signal_fence(memory_order_seq_cst);
}

static int untouch(struct espnic_vfu_map *m)
{
	atomic_signal_fence(memory_order_seq_cst);
	touched = NULL;
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	return __atomic_load_n(&m->lost, __ATOMIC_RELAXED) ? -EFAULT : 0;
}

/* Count what was refused; a closed gate is the function's own doing. */
static int verdict(struct espnic_vfu *vfu, int ret)
{
	if (ret == -EFAULT)
		vfu->ops->dma_refused(vfu->fn);
	return ret;
}

static int access_memory(struct espnic_vfu *vfu, uint64_t iova, uint8_t *buf, size_t len,
			 uint32_t need)
{
	bool write = need == VFIO_DMA_MAP_FLAG_WRITE;
	struct espnic_vfu_dma *dma = &vfu->dma;
	uint64_t last;
	int ret = 0;

	if (len && __builtin_add_overflow(iova, len - 1, &last))
		return verdict(vfu, -EFAULT);
	while (len && !ret) {
		struct espnic_vfu_map *m;
		bool by_message = false;
		size_t n = len;

		pthread_rwlock_rdlock(&dma->lock);
		ret = lookup(dma, iova, need, &m);
		if (!ret) {
			if (m->last - iova < n - 1)
				n = (size_t)(m->last - iova + 1);
			by_message = !m->host;
		}
		if (!ret && !by_message) {
			uint8_t *host = m->host + (iova - m->iova);

			touch(m);
			if (write)
				memcpy(host, buf, n);
			else
				memcpy(buf, host, n);
			ret = untouch(m);
		}
		pthread_rwlock_unlock(&dma->lock);
		if (by_message)
			ret = espnic_vfu_dma_msg_access(&vfu->dma_msg, iova, buf, n, write);
		iova += n;
		buf += n;
		len -= n;
	}
	return verdict(vfu, ret);
}

static int bus_dma_read(void *bus, uint64_t iova, void *buf, size_t len)
{
	return access_memory(bus, iova, buf, len, VFIO_DMA_MAP_FLAG_READ);
}

static int bus_dma_write(void *bus, uint64_t iova, const void *buf, size_t len)
{
	/* Only read from: one function serves both directions. */
	return access_memory(bus, iova, (uint8_t *)(uintptr_t)buf, len, VFIO_DMA_MAP_FLAG_WRITE);
}

/* One aligned word, little endian, loaded or stored in one piece. */
static int access_word(struct espnic_vfu *vfu, uint64_t iova, uint32_t *le, uint32_t need)
{
	bool write = need == VFIO_DMA_MAP_FLAG_WRITE;
	struct espnic_vfu_dma *dma = &vfu->dma;
	struct espnic_vfu_map *m;
	bool by_message = false;
	int ret;

	if (iova & (sizeof(*le) - 1))
		return verdict(vfu, -EFAULT);
	pthread_rwlock_rdlock(&dma->lock);
	ret = lookup(dma, iova, need, &m);
	if (!ret && m->host) {
		/*
		 * Maps are whole pages, so an aligned word lies within one, aligned in memory
		 * too.
		 */
		uint32_t *host = (uint32_t *)(m->host + (iova - m->iova));

		touch(m);
		if (write)
			__atomic_store_n(host, *le, __ATOMIC_RELEASE);
		else
			*le = __atomic_load_n(host, __ATOMIC_ACQUIRE);
		ret = untouch(m);
	} else if (!ret) {
		by_message = true;
	}
	pthread_rwlock_unlock(&dma->lock);
	if (by_message)
		ret = espnic_vfu_dma_msg_access(&vfu->dma_msg, iova, le, sizeof(*le), write);
	return verdict(vfu, ret);
}

static int bus_dma_load32(void *bus, uint64_t iova, uint32_t *value)
{
	uint32_t le = 0;
	int ret = access_word(bus, iova, &le, VFIO_DMA_MAP_FLAG_READ);

	if (!ret)
		*value = le32toh(le);
	return ret;
}

static int bus_dma_store32(void *bus, uint64_t iova, uint32_t value)
{
	uint32_t le = htole32(value);

	return access_word(bus, iova, &le, VFIO_DMA_MAP_FLAG_WRITE);
}

static void bus_irq(void *bus, unsigned int vector)
{
	struct espnic_vfu *vfu = bus;

	espnic_vfu_irq_raise(&vfu->irq, vector);
}

static void bus_dma_gate(void *bus, bool open)
{
	struct espnic_vfu *vfu = bus;

	/* Alone with the lock, no copy is under way; then end what waits for messages. */
	pthread_rwlock_wrlock(&vfu->dma.lock);
	vfu->dma.gate = open;
	pthread_rwlock_unlock(&vfu->dma.lock);
	espnic_vfu_dma_msg_set_gate(&vfu->dma_msg, open);
}

const struct espnic_bus_ops espnic_vfu_bus_ops = {
	.dma_read = bus_dma_read,
	.dma_write = bus_dma_write,
	.dma_load32 = bus_dma_load32,
	.dma_store32 = bus_dma_store32,
	.irq = bus_irq,
	.dma_gate = bus_dma_gate,
};
