#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The NIC without IPsec: what ethtool, devlink and ip set and show, with traffic through each change.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

JUMBO=9600 # ESPNIC_MAX_MTU
RSS_KEY=$(seq -s : -f %02g 10 49) # 40 bytes, hexadecimal

answered() { # SIZE [PING OPTIONS]: the peer answers a ping of that payload, both families
	local size=$1
	shift
	ping -n -q -c 2 -i 0.2 -W 3 -s "$size" "$@" $RIGHT4 && ping -n -q -c 2 -i 0.2 -W 3 -s "$size" "$@" $RIGHT6
}

tcp_works() {
	"$here/traffic.py" tcp $RIGHT4 "${1:-1000000}" && "$here/traffic.py" tcp $RIGHT6 "${1:-1000000}"
}

pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

rebind() {
	echo "$pci" >/sys/bus/pci/drivers/espnic/unbind && echo "$pci" >/sys/bus/pci/drivers/espnic/bind &&
		net_up
}

net_up() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ip link set eth0 up 2>/dev/null && break
		sleep 0.2
	done
	ip addr replace "$LAB_ADDRESS4/24" dev eth0 && ip -6 addr replace "$LAB_ADDRESS6/64" dev eth0 nodad
	for i in $(seq $((50 * LAB_SLOW))); do
		[ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ] && return 0
		sleep 0.1
	done
	echo "no carrier"
	return 1
}

flr() {
	echo flr >"/sys/bus/pci/devices/$pci/reset_method" && echo 1 >"/sys/bus/pci/devices/$pci/reset" && net_up
}

# commands_for COMMAND...: in $commands, how many the driver sends meanwhile, besides those that reading this takes
commands_for() {
	local first second
	first=$(nic_stat cmd_sent)
	second=$(nic_stat cmd_sent)
	"$@" || return 1
	commands=$(($(nic_stat cmd_sent) - second - (second - first)))
}

moderation_adapts() {
	commands_for tcp_works && [ "$commands" -gt 0 ]
}

moderation_stays() {
	commands_for tcp_works || return 1
	echo "$commands commands"
	[ "$commands" = 0 ]
}

left() {
	t "driver is espnic" shows "driver: espnic" ethtool -i eth0
	t "devlink names driver and firmware" shows "fw" devlink dev info
	t "link is up" shows "Link detected: yes" ethtool eth0
	t "register dump" ethtool -d eth0
	for size in 0 1 18 19 255 256 1472; do
		t "ping -s $size" answered "$size"
	done
	t "TCP, bytes compared" tcp_works 3000000
	t "UDP sizes" "$here/traffic.py" udp $RIGHT4 1 2 17 18 19 63 64 500 1471 1472
	t "TCP is segmented by the device" grew tx_tso_packets tcp_works
	t "checksums are verified by the device" grew rx_csum_good tcp_works
	t "checksums are made by the device" grew tx_csum "$here/traffic.py" udp $RIGHT4 100 200 300
	for feature in tso tx rx gro sg; do
		ethtool -K eth0 $feature off
		t "TCP with $feature off" tcp_works
		ethtool -K eth0 $feature on
		t "TCP with $feature on again" tcp_works
	done
	t "rings to 64 under traffic" with_traffic ethtool -G eth0 rx 64 tx 64
	t "rings show 64" shows "64" ethtool -g eth0
	refused "rings of 8 are refused" "" ethtool -G eth0 rx 8
	t "rings to 1024 under traffic" with_traffic ethtool -G eth0 rx 1024 tx 1024
	t "channels to 1 under traffic" with_traffic ethtool -L eth0 combined 1
	t "channels to 4 under traffic" with_traffic ethtool -L eth0 combined 4
	t "TCP over 4 channels" tcp_works
	refused "channels above the device's are refused" "" ethtool -L eth0 combined 64
	t "moderation" ethtool -C eth0 rx-usecs 100 rx-frames 32 tx-usecs 100 tx-frames 32
	t "adaptive moderation is on" shows "Adaptive RX: on" ethtool -c eth0
	t "adaptive moderation off" ethtool -C eth0 adaptive-rx off
	t "moderation shows" shows "rx-usecs:	100" ethtool -c eth0
	t "TCP with moderation, which stays" moderation_stays
	refused "moderation above the device's is refused" "" ethtool -C eth0 rx-usecs 1000000
	t "RSS table" shows "RSS hash key" ethtool -x eth0
	t "RSS to one queue under traffic" with_traffic ethtool -X eth0 equal 1
	t "TCP with RSS to one queue" tcp_works
	t "all of it came to queue 0" rss_only_first
	t "RSS key under traffic" with_traffic ethtool -X eth0 hkey "$RSS_KEY"
	t "RSS key shows" shows "$RSS_KEY" ethtool -x eth0
	t "RSS weights under traffic" with_traffic ethtool -X eth0 weight 1 3
	refused "fewer channels than the table names are refused" "" ethtool -L eth0 combined 1
	t "RSS default under traffic" with_traffic ethtool -X eth0 default
	t "TCP with the default table" tcp_works
	t "ports are hashed of TCP" shows "L4 bytes 0 & 1" ethtool -n eth0 rx-flow-hash tcp4
	refused "other hash fields are refused" "" ethtool -N eth0 rx-flow-hash tcp4 s
	t "adaptive moderation on again, under traffic" with_traffic ethtool -C eth0 adaptive-rx on
	t "and follows the traffic" eventually moderation_adapts
	t "ip -s, ethtool -S and queue statistics agree" "$here/nicstats.py"
	t "MTU to $JUMBO under traffic" with_traffic ip link set eth0 mtu $JUMBO
	lab-barrier jumbo
	lab-barrier jumbo-set
	for size in 1472 4000 4096 8000 $((JUMBO - 28 - 20)); do
		t "jumbo ping -s $size" answered "$size" -M "do"
	done
	t "jumbo TCP" tcp_works 4000000
	refused "MTU above the device's is refused" "mtu" ip link set eth0 mtu $((JUMBO + 1))
	ip link set eth0 mtu 1500
	lab-barrier small
	lab-barrier small-set
	t "ping after the MTU is small again" answered 1472
	for i in 1 2 3; do
		t "FLR $i" flr
		t "ping after FLR $i" answered 100
	done
	t "FLR in the middle of TCP" flr_under_traffic
	t "ping after that" answered 1000
	for i in 1 2 3; do
		t "unbind and bind $i" rebind
		t "ping after bind $i" answered 100
	done
	ip link set eth0 down
	t "down and up" net_up
	t "ping after down and up" answered 100
	t "no TX drop went unnamed" shows "tx_drop_desc: 0" ethtool -S eth0
	t "no DMA was refused outside of resets" shows "reg_bad_access: 0" ethtool -S eth0
}

# What came while TCP ran came to the first queue alone
rss_only_first() {
	local before after
	before=$(other_queues)
	tcp_works 1000000 || return 1
	after=$(other_queues)
	[ "$after" = "$before" ] || { echo "other queues: $before, then $after packets"; return 1; }
}

other_queues() {
	ethtool -S eth0 | awk '/rxq[1-9][0-9]*_packets:/ { n += $2 } END { print n + 0 }'
}

flr_under_traffic() {
	timeout $((20 * LAB_SLOW)) "$here/traffic.py" tcp $RIGHT4 8000000 >/dev/null 2>&1 &
	local pid=$!
	sleep 0.5
	flr || return 1
	# The connection survives a reset or not, by timing; the NIC must.
	wait $pid
	return 0
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
	lab-barrier jumbo 300
	ip link set eth0 mtu $JUMBO
	lab-barrier jumbo-set
	lab-barrier small 120
	ip link set eth0 mtu 1500
	lab-barrier small-set
	lab-barrier end 300
else
	sleep 1
	left
	lab-barrier end
	exit $tap_failed
fi
