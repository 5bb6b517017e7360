/* SPDX-License-Identifier: BSD-2-Clause */
/* `espnic-ike status`: a client of the daemon's. */
#ifndef ESPNIC_IKE_CTL_STATUS_H
#define ESPNIC_IKE_CTL_STATUS_H

/* argv[0] is the word; returns the exit status: 0, 1 (no daemon, or it fails), 2 (an option). */
int espnic_status_main(int argc, char **argv);

#endif
