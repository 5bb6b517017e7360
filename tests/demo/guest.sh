#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One side of the demo. The left (espnic) drives; the right (virtio-net, the kernel's software IPsec)
# answers. Results go to /out/results as lines `check<TAB>phase<TAB>name<TAB>ok|fail<TAB>detail` and
# `value<TAB>phase<TAB>name<TAB>number`; /out/phase.N.start and .end bound the time in which a policy protects.

set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/../lab/lib.sh"

TCP_BYTES=3000000
PING_SIZES="0 1 2 3 4 7 8 15 16 17 31 32 40 56 64 100 128 255 256 512 1000 1280 1350"
UDP_SIZES="1 2 3 4 15 16 17 63 64 65 255 256 512 1000 1300"
failed=0

result() { # PHASE NAME STATUS DETAIL
	local word=ok
	[ "$3" -eq 0 ] || { word=fail; failed=1; }
	printf 'check\t%s\t%s\t%s\t%s\n' "$1" "$2" "$word" "$4" >>/out/results
	printf '  %-4s %-28s %s\n' "$word" "$2" "$4"
}

value() { # PHASE NAME NUMBER
	printf 'value\t%s\t%s\t%s\n' "$1" "$2" "$3" >>/out/results
}

pings() { # PHASE TARGET LARGEST
	local size lost=0 count=0
	for size in $PING_SIZES "$3"; do
		[ "$size" -le "$3" ] || continue
		count=$((count + 1))
		ping -n -q -c 1 -W 3 -s "$size" "$2" >/dev/null || { lost=$((lost + 1)); echo "no answer to ping -s $size"; }
	done
	result "$1" "ping, 0 to $3 bytes" "$lost" "$((count - lost)) of $count answered"
}

too_large() { # PHASE OFFLOAD TARGET LARGEST
	local before after
	before=$(xfrm_stat XfrmOutError)
	if ping -n -q -c 1 -W 1 -s $(($4 + 1)) "$3" >/dev/null; then
		result "$1" "ping above the SA's MTU" 1 "was answered"
		return
	fi
	after=$(xfrm_stat XfrmOutError)
	result "$1" "ping above the SA's MTU" $((after > before ? 0 : 1)) \
		"dropped, XfrmOutError +$((after - before))"
}

tcp() { # PHASE TARGET
	local said
	said=$("$here/../lab/traffic.py" tcp "$2" $TCP_BYTES 2>&1)
	result "$1" "TCP both ways" $? "${said:-$TCP_BYTES bytes each way, all equal}"
}

udp() { # PHASE TARGET
	local said
	# shellcheck disable=SC2086
	said=$("$here/../lab/traffic.py" udp "$2" $UDP_SIZES 2>&1)
	result "$1" "UDP echo" $? "${said:-$(wc -w <<<"$UDP_SIZES") sizes, all equal}"
}

throughput() { # PHASE TARGET
	local mbps
	mbps=$(iperf3 -c "$2" -t 2 -J 2>/dev/null | jq '.end.sum_received.bits_per_second / 1e6 | round')
	value "$1" mbps "${mbps:-0}"
}

counters() { # PHASE WHEN
	local name
	for name in tx_protected rx_unprotected tx_crypto rx_crypto; do
		value "$1" "$name.$2" "$(nic_stat "$name")"
	done
	value "$1" "sa_packets.$2" "$(sa_packets)"
}

phase() { # the fields of a line of `phases`
	local id=$1 offload=$2 mode=$3 family=$4 keybytes=$5 esn=$6 largest=$7 to
	to=$(target "$mode" "$family")
	[ "$offload" = clear ] || ipsec_up "$id" "$offload" "$mode" "$family" "$keybytes" "$esn"
	lab-barrier "ready-$id" || exit 1
	if [ "$LAB_SIDE" = left ]; then
		echo "phase $id: $offload $mode IPv$family GCM-$((keybytes * 8)) esn=$esn"
		[ "$offload" = clear ] || : >"/out/phase.$id.start"
		counters "$id" before
		pings "$id" "$to" "$largest"
		tcp "$id" "$to"
		udp "$id" "$to"
		[ "$DEMO_THROUGHPUT" = 0 ] || throughput "$id" "$to"
		[ "$offload" != packet ] || too_large "$id" "$offload" "$to" "$largest"
		# SA counters of packet offload are read from the device once a second
		[ "$offload" != packet ] || sleep 2.5
		counters "$id" after
		[ "$offload" = clear ] || : >"/out/phase.$id.end"
	fi
	lab-barrier "done-$id" 180 || exit 1
	ipsec_down
	lab-barrier "down-$id" || exit 1
}

if [ "$LAB_SIDE" = right ]; then
	"$here/../lab/traffic.py" serve >/out/server.log 2>&1 &
	iperf3 -s -D
else
	devlink dev info >/out/devlink.info 2>&1
	ethtool -i eth0 >/out/ethtool.info
	sleep 1
fi
while read -r id rest; do
	case $id in '' | \#*) continue ;; esac
	case $DEMO_PHASES in all) ;; *) case ,$DEMO_PHASES, in *,$id,*) ;; *) continue ;; esac ;; esac
	# shellcheck disable=SC2086
	phase "$id" $rest
done <"$here/phases"
[ "$LAB_SIDE" = right ] || ethtool -S eth0 >/out/ethtool.stats
exit $failed
