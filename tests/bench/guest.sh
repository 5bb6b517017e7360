#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One side of the throughput bench: BENCH_MODES is a list of clear, software, crypto, packet; each is
# measured BENCH_ROUNDS times in turn. Lines `mode<TAB>traffic<TAB>round<TAB>value` go to /out/bench.

set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/../lab/lib.sh"

SECONDS_EACH=${BENCH_SECONDS:-4}
UDP_BYTES=1400
PPS_BYTES=22 # UDP payload of a 64-byte Ethernet frame: 14 + 20 + 8 + 22

measure() { # MODE TRAFFIC ROUND JQ IPERF_OPTIONS...
	local mode=$1 traffic=$2 round=$3 query=$4
	shift 4
	printf '%s\t%s\t%s\t%s\n' "$mode" "$traffic" "$round" \
		"$(iperf3 -c $RIGHT4 -t "$SECONDS_EACH" -J "$@" | jq "$query")" >>/out/bench
}

[ "$LAB_SIDE" = left ] || iperf3 -s -D
id=0
for round in $(seq "${BENCH_ROUNDS:-3}"); do
	for mode in $BENCH_MODES; do
		id=$((id + 1))
		case $mode in
		clear) ;;
		software) ipsec_up $id none transport 4 16 no ;;
		*) ipsec_up $id "$mode" transport 4 16 no ;;
		esac
		lab-barrier "ready-$id" || exit 1
		if [ "$LAB_SIDE" = left ]; then
			measure "$mode" tcp "$round" '.end.sum_received.bits_per_second / 1e6'
			measure "$mode" udp "$round" '.end.sum_received.bits_per_second / 1e6' -u -b 0 -l $UDP_BYTES
			measure "$mode" pps64 "$round" \
				'.end.sum_received | ((.packets - .lost_packets) / .seconds)' -u -b 0 -l $PPS_BYTES
		fi
		lab-barrier "done-$id" 180 || exit 1
		ipsec_down
		lab-barrier "down-$id" || exit 1
	done
done
[ "$LAB_NIC" != espnic ] || ethtool -S eth0 >"/out/$LAB_SIDE.ethtool"
