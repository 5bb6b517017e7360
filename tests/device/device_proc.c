// SPDX-License-Identifier: BSD-2-Clause
/* Start and stop the real device process for tests. */
#include "hostdrv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	START_MS = 10000, /* sanitizers and self-tests make a start slow */
	STOP_MS = 5000,
	STEP_US = 5000,
	MAX_ARGS = 32,
};

static void exec_device(const struct espnic_proc *p, const char *const *argv)
{
	const char *exe = getenv("ESPNIC_DEVICE");
	const char *args[MAX_ARGS + 4];
	unsigned int n = 0;

	args[n++] = exe && *exe ? exe : "build/libexec/espnic-device";
	args[n++] = "--socket";
	args[n++] = p->socket;
	while (*argv && n < MAX_ARGS + 3)
		args[n++] = *argv++;
	args[n] = NULL;
	/* A test that crashes leaves no device behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(args[0], (char *const *)(uintptr_t)args);
	fprintf(stderr, "device: %s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static void cleanup(struct espnic_proc *p)
{
	unlink(p->socket);
	rmdir(p->dir);
	free(p);
}

struct espnic_proc *espnic_proc_start(const char *const *argv)
{
	struct espnic_proc *p = calloc(1, sizeof(*p));
	uint64_t end = espnic_now_ms() + START_MS;
	struct stat st;

	if (!p)
		return NULL;
	strcpy(p->dir, "/tmp/espnic-test-XXXXXX");
	if (!mkdtemp(p->dir)) {
		fprintf(stderr, "device: %s: %s\n", p->dir, strerror(errno));
		free(p);
		return NULL;
	}
	snprintf(p->socket, sizeof(p->socket), "%s/nic.sock", p->dir);
	p->pid = fork();
	if (p->pid < 0) {
		fprintf(stderr, "device: fork: %s\n", strerror(errno));
		cleanup(p);
		return NULL;
	}
	if (!p->pid)
		exec_device(p, argv);
	while (stat(p->socket, &st)) {
		if (espnic_now_ms() > end || waitpid(p->pid, NULL, WNOHANG) == p->pid) {
			fprintf(stderr, "device: it did not start\n");
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
			cleanup(p);
			return NULL;
		}
		usleep(STEP_US);
	}
	return p;
}

int espnic_proc_stop(struct espnic_proc *p)
{
	uint64_t end = espnic_now_ms() + STOP_MS;
	int status = 0;

	if (!p)
		return -EINVAL;
	kill(p->pid, SIGTERM);
	while (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (espnic_now_ms() > end) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, &status, 0);
			break;
		}
		usleep(STEP_US);
	}
	cleanup(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool espnic_proc_alive(const struct espnic_proc *p)
{
	siginfo_t info = { 0 };

	/* WNOWAIT leaves the status for espnic_proc_stop(). */
	return !waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}
