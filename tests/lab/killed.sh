#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The device's process is killed while the guest runs, as if the card had been pulled out: the driver must notice, say so once
# and let go of everything in time. On the left it dies in the middle of traffic and is noticed first; then on the right,
# where whoever comes first meets a device that does not answer. With LAB_ANEW=1, what comes after: both guests and devices started
# anew, with new keys, as their owner would.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

NOTICE_S=5
LINES_MAX=20 # what the driver may say about it in all
pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

# took COMMAND...: its milliseconds in $ms, its status in $status
took() {
	local start=${EPOCHREALTIME/./}
	timeout 60 "$@" >/dev/null 2>/tmp/said
	status=$?
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
	echo "$LAB_SIDE: $ms ms, status $status: $*" | tee -a /out/times
}

# returns SECONDS COMMAND...: it ends in time, well or not; later where all is slow
returns() {
	local limit=$((1000 * $1 + 5 * usual_ms))
	shift
	took "$@"
	[ "$ms" -lt $limit ]
}

# ends SECONDS COMMAND...: it ends well, and in time
ends() {
	returns "$@" && { [ "$status" -eq 0 ] || { cat /tmp/said; return 1; }; }
}

# noticed: within NOTICE_S the link is down and the kernel's log says why, once
noticed() {
	local _
	for _ in $(seq $((10 * NOTICE_S))); do
		[ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" != 1 ] && said_once && return 0
		sleep 0.1
	done
	dmesg | tail -n 3
	return 1
}

said_once() {
	[ "$(dmesg | grep -c 'espnic.*the device is gone')" = 1 ]
}

said_little() {
	local lines
	lines=$(dmesg | grep -c 'espnic\|eth0')
	[ "$lines" -le $LINES_MAX ] || { echo "$lines lines"; return 1; }
}

nothing_left() {
	[ -z "$(ip xfrm state; ip xfrm policy)" ] && [ ! -e /sys/class/net/eth0 ]
}

# The first register, read past the driver
all_ones() {
	echo 1 >"/sys/bus/pci/devices/$pci/enable"
	python3 -c '
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    value = int.from_bytes(mmap.mmap(file.fileno(), 4096)[0:4], "little")
print(hex(value))
sys.exit(value != 0xffffffff)' "/sys/bus/pci/devices/$pci/resource0"
}

refuses_state() {
	! (sa_one packet out $LEFT4 $RIGHT4 99 99 transport 16 no)
}

unloads() {
	t "$1: rmmod" ends 5 rmmod espnic
	t "$1: nothing is left" nothing_left
	t "$1: registers read all-ones" all_ones
	t "$1: said once" said_once
	t "$1: and not much else" said_little
}

noticed_first() {
	local name="killed in the middle of traffic" traffic
	"$here/traffic.py" tcp $RIGHT4 20000000 >/dev/null 2>&1 &
	traffic=$!
	t "$name: traffic flows" eventually grew tx_protected sleep 0.5
	# QEMU itself fails an assertion (error_setv()) when the device dies with a request of the bus under way
	kill -STOP $traffic
	sleep 0.3
	t "$name" lab-kill-device
	kill -CONT $traffic
	t "$name: noticed" noticed
	t "$name: ethtool -S" returns 2 ethtool -S eth0
	t "$name: ip xfrm state" ends 2 ip -s xfrm state
	t "$name: a new state is refused" refuses_state
	t "$name: ip xfrm state flush" ends 2 ip xfrm state flush
	t "$name: ip xfrm policy flush" ends 2 ip xfrm policy flush
	t "$name: ip link set down" ends 2 ip link set eth0 down
	kill $traffic 2>/dev/null
	unloads "$name"
}

refuses_up() {
	! timeout 5 ip link set eth0 up
}

down_first() {
	local name="killed and taken down at once"
	t "$name" lab-kill-device
	t "$name: ip link set down" ends 2 ip link set eth0 down
	t "$name: ethtool -S" returns 2 ethtool -S eth0
	t "$name: ip xfrm state flush" ends 2 ip xfrm state flush
	t "$name: ip xfrm policy flush" ends 2 ip xfrm policy flush
	t "$name: ip link set up is refused" refuses_up
	unloads "$name"
}

# served COMMAND...: it ends well once the server is up, which takes its time where all is slow
served() {
	local _
	for _ in $(seq 20); do
		"$@" && return 0
		sleep 1
	done
	return 1
}

anew() {
	ipsec_up 2 packet transport 4 16 no
	covered anew $LEFT4/32 $RIGHT4/32
	[ "$LAB_SIDE" = left ] || "$here/traffic.py" serve &
	sleep 1
	lab-barrier anew
	if [ "$LAB_SIDE" = left ]; then
		t "anew: ping" pings $RIGHT4
		t "anew: TCP both ways" served "$here/traffic.py" tcp $RIGHT4 $((200000 / LAB_SLOW))
		t "anew: by the device" test "$(nic_stat tx_protected)" -gt 100
		t "anew: nothing was dropped for want of an SA" test "$(nic_stat tx_drop_no_sa)" = 0
	fi
	lab-barrier anew-done 120
	uncovered anew
	ipsec_down
	lab-barrier anew-down
}

if [ -n "${LAB_ANEW:-}" ]; then
	anew
	exit "$tap_failed"
fi
ipsec_up 1 packet transport 4 16 no
# To the end: what a device leaves behind, or a driver flushes, lets nothing out in clear.
covered killed $LEFT4/32 $RIGHT4/32
took ethtool -S eth0
usual_ms=$ms # of a command, while the device lives
if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
	sleep 1
	lab-barrier up
	lab-barrier left-done 120
	tap_count=$(grep -c . /out/tap)
	down_first
else
	lab-barrier up
	noticed_first
	lab-barrier left-done
fi
[ "$tap_failed" = 0 ]
