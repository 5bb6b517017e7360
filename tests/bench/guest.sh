#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One side of the throughput bench: BENCH_MODES is a list of clear, software, crypto, packet; each is
# measured BENCH_ROUNDS times in turn. /out/bench gets a line of JSON for each measurement: mode, traffic, round, what
# was measured, and the CPU time of the lab's processes before and after it.

set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/../lab/lib.sh"

SECONDS_EACH=${BENCH_SECONDS:-4}
WINDOW=$here/../../build/bench/window
UDP_BYTES=1400
PPS_BYTES=22 # UDP payload of a 64-byte Ethernet frame: 14 + 20 + 8 + 22

measure() { # MODE TRAFFIC ROUND JQ COMMAND...: the command prints JSON, of which JQ takes what is to be kept
	local mode=$1 traffic=$2 round=$3 query=$4 before said
	shift 4
	before=$(lab-cpu) || exit 1
	said=$("$@") || exit 1
	jq -c --arg mode "$mode" --arg traffic "$traffic" --argjson round "$round" --argjson before "$before" \
		--argjson after "$(lab-cpu)" \
		"{mode: \$mode, traffic: \$traffic, round: \$round, before: \$before, after: \$after} + ($query)" \
		<<<"$said" >>/out/bench || exit 1
}

if [ "$LAB_SIDE" = right ]; then
	iperf3 -s -D
	"$WINDOW" serve &
fi
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
			measure "$mode" tcp "$round" '{value: (.end.sum_received.bits_per_second / 1e6)}' \
				iperf3 -c $RIGHT4 -t "$SECONDS_EACH" -J
			measure "$mode" udp "$round" '{value: .mbps, received, lost}' \
				"$WINDOW" send $RIGHT4 $UDP_BYTES "$SECONDS_EACH"
			measure "$mode" pps64 "$round" '{value: .pps, received, lost}' \
				"$WINDOW" send $RIGHT4 $PPS_BYTES "$SECONDS_EACH"
		fi
		# Waiting at a barrier is work, too: not while something is measured.
		[ "$LAB_SIDE" = left ] || sleep $((3 * SECONDS_EACH))
		lab-barrier "done-$id" 180 || exit 1
		ipsec_down
		lab-barrier "down-$id" || exit 1
	done
done
[ "$LAB_NIC" != espnic ] || ethtool -S eth0 >"/out/$LAB_SIDE.ethtool"
