#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One side of the bench of many SAs. The left sends to BENCH_SAS addresses of the right in turn, under as many policies: once all
# of one SA, once of an SA each, BENCH_ROUNDS times. /out/bench gets a line of JSON for each measurement, as from guest.sh,
# and one of how long it took `ip -batch` to add the SAs, and to delete them.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/../lab/lib.sh"

SAS=${BENCH_SAS:-1000}
SECONDS_EACH=${BENCH_SECONDS:-4}
WINDOW=$here/../../build/bench/window
PPS_BYTES=22 # UDP payload of a 64-byte Ethernet frame
NET=10.77.0.0/16
SPI_FIRST=0x10000

# Below, one `ip` does all of a kind: what is timed is not to be the forks of an emulated guest.

states() { # DIR COUNT [OFFLOAD]
	local key window=0 offload=${3-offload packet dev eth0}
	[ "$1" = out ] || window=32
	for ((i = 1; i <= $2; i++)); do
		spi=$((SPI_FIRST + i))
		printf -v key '0x%032x%08x' $((spi * 2654435761)) $spi
		echo "xfrm state add src $LEFT4 dst $RIGHT4 proto esp spi $spi reqid $i mode tunnel replay-window $window" \
			"aead rfc4106(gcm(aes)) $key $ICV_BITS $offload dir $1"
	done
}

states_gone() { # COUNT
	for ((i = 1; i <= $1; i++)); do
		echo "xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((SPI_FIRST + i))"
	done
}

policies() { # COUNT of SAs
	for ((i = 0; i < SAS; i++)); do
		echo "xfrm policy add src $LEFT4/32 dst 10.77.$((i >> 8)).$((i & 255))/32 dir out priority 100 offload packet dev eth0" \
			"tmpl src $LEFT4 dst $RIGHT4 proto esp reqid $((i % $1 + 1)) mode tunnel"
	done
}

# timed WHAT COUNT: `ip -batch` with what comes in, as a line of JSON
timed() {
	local begin lines
	lines=$(cat)
	begin=${EPOCHREALTIME/./}
	ip -batch - <<<"$lines" || exit 1
	echo "{\"what\": \"$1\", \"count\": $2, \"us\": $((${EPOCHREALTIME/./} - begin))}" >>/out/bench
}

measure() { # COUNT ROUND
	local before said after
	before=$(lab-cpu) && said=$("$WINDOW" send 10.77.0.0 $PPS_BYTES "$SECONDS_EACH" "$SAS") && after=$(lab-cpu) || exit 1
	jq -c --argjson sas "$1" --argjson round "$2" --argjson before "$before" --argjson after "$after" \
		'{what: "pps64", sas: $sas, round: $round, before: $before, after: $after, value: .pps, received, lost}' \
		<<<"$said" >>/out/bench || exit 1
}

left() { # COUNT ROUND
	# Of which the device is not asked: what Linux and ip take for themselves
	states out "$1" "" | timed "add, software" "$1"
	states_gone "$1" | timed "delete, software" "$1"
	states out "$1" | timed add "$1"
	policies "$1" | timed policies "$SAS"
	lab-barrier "ready-$1-$2" || exit 1
	measure "$1" "$2"
	lab-barrier "done-$1-$2" 180 || exit 1
	ip xfrm policy flush
	states_gone "$1" | timed delete "$1"
}

right() { # COUNT ROUND
	states in "$1" | ip -batch - || exit 1
	ip xfrm policy add src $LEFT4/32 dst $NET dir in priority 100 offload packet dev eth0 \
		tmpl src $LEFT4 dst $RIGHT4 proto esp mode tunnel || exit 1
	lab-barrier "ready-$1-$2" || exit 1
	# Waiting at a barrier is work, too: not while something is measured.
	sleep "$SECONDS_EACH"
	lab-barrier "done-$1-$2" 180 || exit 1
	ip xfrm policy flush
	ip xfrm state flush
}

if [ "$LAB_SIDE" = right ]; then
	ip route add local $NET dev lo
	"$WINDOW" serve &
else
	ip route add $NET via $RIGHT4 src $LEFT4
fi
for round in $(seq "${BENCH_ROUNDS:-3}"); do
	for count in 1 "$SAS"; do
		"$LAB_SIDE" "$count" "$round"
		lab-barrier "down-$count-$round" || exit 1
	done
done
ethtool -S eth0 >"/out/$LAB_SIDE.ethtool"
