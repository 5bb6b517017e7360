// SPDX-License-Identifier: BSD-2-Clause
/*
 * MSI-X vectors. QEMU owns the table and its masks; here a vector is an eventfd. While a driver
 * loads, QEMU disables and rebuilds the set of eventfds once per vector: an edge that finds none is
 * kept pending and delivered when one comes.
 */
#include "vfio-user/vfu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void espnic_vfu_irq_init(struct espnic_vfu_irq *irq, unsigned int vectors)
{
	pthread_mutex_init(&irq->lock, NULL);
	irq->vectors = vectors;
	for (unsigned int v = 0; v < ESPNIC_MAX_VECTORS; v++)
		irq->fd[v] = -1;
}

void espnic_vfu_irq_destroy(struct espnic_vfu_irq *irq)
{
	espnic_vfu_irq_connect(irq, 0, irq->vectors, NULL);
	pthread_mutex_destroy(&irq->lock);
}

/* Called with the lock held. */
static void signal_vector(struct espnic_vfu_irq *irq, unsigned int v)
{
	const uint64_t one = 1;

	if (irq->fd[v] < 0) {
		irq->pending[v] = true;
		return;
	}
	irq->pending[v] = false;
	/* EAGAIN: the counter is full of edges nobody took; one more or less is the same. */
	if (write(irq->fd[v], &one, sizeof(one)) < 0)
		return;
}

void espnic_vfu_irq_raise(struct espnic_vfu_irq *irq, unsigned int vector)
{
	if (vector >= irq->vectors)
		return;
	pthread_mutex_lock(&irq->lock);
	signal_vector(irq, vector);
	pthread_mutex_unlock(&irq->lock);
}

/*
 * Is @fd something to signal without waiting? A pipe or a socket could block or raise SIGPIPE, a
 * regular file would be written over. An eventfd is an anonymous inode, which has no type.
 */
static bool usable(int fd)
{
	struct stat st;
	int flags;

	if (fstat(fd, &st) || (st.st_mode & S_IFMT))
		return false;
	flags = fcntl(fd, F_GETFL);
	return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int espnic_vfu_irq_connect(struct espnic_vfu_irq *irq, unsigned int start, unsigned int count,
			   int *fds)
{
	int old[ESPNIC_MAX_VECTORS];

	for (unsigned int i = 0; fds && i < count; i++)
		if (!usable(fds[i]))
			return -EINVAL;

	pthread_mutex_lock(&irq->lock);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int v = start + i;

		old[i] = irq->fd[v];
		irq->fd[v] = fds ? fds[i] : -1;
		if (fds)
			fds[i] = -1;
		if (irq->fd[v] >= 0 && irq->pending[v])
			signal_vector(irq, v);
	}
	pthread_mutex_unlock(&irq->lock);

	for (unsigned int i = 0; i < count; i++)
		if (old[i] >= 0)
			close(old[i]);
	return 0;
}

void espnic_vfu_irq_reset(struct espnic_vfu_irq *irq)
{
	pthread_mutex_lock(&irq->lock);
	memset(irq->pending, 0, sizeof(irq->pending));
	pthread_mutex_unlock(&irq->lock);
}

void espnic_vfu_irq_pba(struct espnic_vfu_irq *irq, uint32_t off, uint8_t *buf, uint32_t count)
{
	memset(buf, 0, count);
	pthread_mutex_lock(&irq->lock);
	for (unsigned int v = 0; v < irq->vectors; v++)
		if (irq->pending[v] && v / 8 >= off && v / 8 - off < count)
			buf[v / 8 - off] |= (uint8_t)(1u << (v % 8));
	pthread_mutex_unlock(&irq->lock);
}
