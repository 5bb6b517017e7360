#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# espnic-ike on the left against LAB_PEER (strongswan, libreswan) on the right, cell by cell (matrix.py): LAB_SLICE says which cells; the keys are in /out/keys.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/strongswan.sh
. "$here/${LAB_PEER:-strongswan}.sh"

daemon_up
if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
python3 -B "$here/matrix.py" /out "$vici" /out/keys "$LAB_SLICE"
status=$?
lab-barrier end 240
kill "$daemon"
wait "$daemon" || [ "$LAB_SIDE" = right ] || die "the daemon ended with $?"
exit $status
