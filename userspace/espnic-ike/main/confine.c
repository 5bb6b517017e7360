// SPDX-License-Identifier: BSD-2-Clause
#include "main/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	NOBODY = 65534, /* the kernel's own overflow id */
};

/* A sanitizer's runtime opens files and asks for what no filter of ours allows. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static int fail(char *err, const char *what)
{
	snprintf(err, ESPNIC_IKE_TEXT, "%s: %s", what, strerror(errno));
	return -1;
}

/* Neither a debugger nor a core dump sees this process's memory. */
static int hide(char *err)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none))
		return fail(err, "memory can't be kept out of core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(err, "no new privileges");
	return 0;
}

static int capabilities(bool net_admin, char *err)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (net_admin) {
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_NET_ADMIN);
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_NET_ADMIN);
	}
	if (capng_apply(CAPNG_SELECT_CAPS)) {
		snprintf(err, ESPNIC_IKE_TEXT, "capabilities can't be given up");
		return -1;
	}
	return 0;
}

int espnic_confine_rights(char err[ESPNIC_IKE_TEXT])
{
	return capabilities(geteuid() == 0, err) || hide(err) ? -1 : 0;
}

/* Memory that isn't to be executed is all that mmap() and mprotect() are for. */
static int filter(char *err)
{
	static const int allowed[] = {
		SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
		SCMP_SYS(close), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
		SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2),
		SCMP_SYS(munlock), SCMP_SYS(futex), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group),
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	const struct scmp_arg_cmp to_stderr = SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO);
	const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int rc = ctx ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !rc; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec);
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec);
	/* abort(), which ends this process and no other of its user */
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	/* last words */
	if (!rc)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, to_stderr);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -rc;
	return rc ? fail(err, "the filter of system calls") : 0;
}

/* Memory for keys is locked; without a right to it a limit counts, which is put where the manager allows. */
static void lock_limit(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (!setrlimit(RLIMIT_MEMLOCK, &all) || getrlimit(RLIMIT_MEMLOCK, &all))
		return;
	all.rlim_cur = all.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &all);
}

int espnic_confine_network(char err[ESPNIC_IKE_TEXT])
{
	lock_limit();
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return fail(err, "user nobody");
	/* a change of user forgets this, so it comes after; and the other may have ended before */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return fail(err, "ending with the other process");
	if (capabilities(false, err) || hide(err))
		return -1;
	/* or the C library reads the time zone's file when a certificate's times are first looked at */
	tzset();
	return SANITIZED ? 0 : filter(err);
}
