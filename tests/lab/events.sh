#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# espnic-ike on the left against strongSwan on the right while messages are lost and daemons stop, die and come again (events.py); the
# keys are in /out/keys.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/strongswan.sh
. "$here/strongswan.sh"

[ "${1:-}" != daemon ] || daemon_run # events.py starts it so
strongswan_conf >/tmp/strongswan.conf
modprobe overlay
if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
python3 -B "$here/events.py" /out "$vici" /out/keys "$0" "$LAB_SLICE"
status=$?
lab-barrier end 600
exit $status
