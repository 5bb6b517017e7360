/* SPDX-License-Identifier: BSD-2-Clause */
/* `espnic-ike run`: the daemon's options. */
#ifndef ESPNIC_IKE_MAIN_RUN_H
#define ESPNIC_IKE_MAIN_RUN_H

/* argv[0] is the word; returns the exit status: 0, 1 (a fault), 2 (an option). */
int espnic_run_main(int argc, char **argv);

#endif
