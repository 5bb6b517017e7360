# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# espnic-ike in the left guest and libreswan in the right one, for scripts that have sourced lib.sh: as strongswan.sh, whose left side this is.
# shellcheck disable=SC2034 # the scripts use them

# shellcheck source=tests/lab/strongswan.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/strongswan.sh"
if [ "$LAB_SIDE" = right ]; then
	vici=/tmp/pluto # its folder, for it has no VICI

	there() {
		LD_LIBRARY_PATH=$unpacked/usr/lib/x86_64-linux-gnu "$unpacked/usr/libexec/ipsec/whack" --ctlsocket "$vici/pluto.ctl" --listen >/dev/null
	}

	daemon_run() {
		exec python3 -B "$tree/tests/lab/pluto.py" "$vici" /out/keys right "$(PYTHONPATH=$tree/tests/lab python3 -B -c 'import matrix; print(matrix.PSK)')" \
			>>/out/pluto.out 2>&1
	}

	# its database of keys takes an emulated guest some seconds
	daemon_up() {
		daemon_run &
		daemon=$!
		for _ in $(seq "$WAIT"); do
			! there 2>/dev/null || return 0
			sleep 1
		done
		die "pluto does not start"
	}
fi
