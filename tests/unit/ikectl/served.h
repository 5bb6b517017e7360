/* SPDX-License-Identifier: BSD-2-Clause */
/* A VICI server on its socket, behind it a daemon that has next to nothing; and what its clients need. */
#ifndef ESPNIC_TESTS_IKE_SERVED_H
#define ESPNIC_TESTS_IKE_SERVED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/server.h"

/* ---- the daemon ---- */

extern struct espnic_store vici_store;
extern struct espnic_ctl vici_ctl;
extern char vici_dir[], vici_path[64];		/* the socket, and the folder it is in */
extern uint64_t vici_waiting;			/* ticket of the last initiate */
extern bool vici_answer_now;			/* it is to be answered: by the server's thread, which alone may */
extern struct espnic_ctl_ask vici_asked;
/* What was loaded: a name, and how many bytes; "" of what none has brought. */
extern char vici_authority[ESPNIC_IKE_NAME];
extern enum espnic_ike_cert_kind vici_cert_kind;
extern size_t vici_cert_len;
extern unsigned int vici_cert_sum;		/* of its bytes */
extern bool vici_flood;				/* a certificate makes more events than a client may leave unread */

/* Of a group of tests: the folder. */
int vici_make_dir(void **state);
int vici_remove_dir(void **state);
/* Of each: the server. */
int vici_start(void **state);
int vici_end(void **state);
#define VICI_TEST(f) cmocka_unit_test_setup_teardown(f, vici_start, vici_end)

/* ---- its clients ---- */

int vici_connected(void);
/* Sends what was written, and frees it. */
void vici_say(int fd, struct espnic_vici_writer *w);
/* One packet without its length; its size. 0: the server has hung up. */
size_t vici_hear(int fd, uint8_t *out, size_t room);
/* A message as text, till the next one: key=value and sections, by the reader alone (values may be bytes). */
const char *vici_said(const uint8_t *message, size_t len);
const char *vici_reply(int fd);
/* A command without words, or with up to two keys; a key of NULL ends them. */
void vici_simple(int fd, const char *command);
void vici_with(int fd, const char *command, const char *k1, const char *v1, const char *k2, const char *v2);
void vici_listen_to(int fd, const char *event);
/* The next event as text, without its name, which is as long as @name. */
const char *vici_event(int fd, const char *name);

#endif
