#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Gateway to gateway: a network of its own behind each guest (a namespace at the end of a veth), and tunnels between the two
# by packet offload on the left, by the kernel's software on the right. What Linux forwards into such a tunnel reaches
# the driver without a socket and without an Ethernet header (xfrm_dev_direct_output()).
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

# In each inner network .1 and ::1 are the gateway itself (lib.sh has them), .2 and ::2 stand behind it.
LEFT4_NET=198.51.100.0/24
RIGHT4_NET=203.0.113.0/24
LEFT6_NET=2001:db8:a::/64
RIGHT6_NET=2001:db8:b::/64
LEFT4_BEHIND=198.51.100.2
RIGHT4_BEHIND=203.0.113.2
LEFT6_BEHIND=2001:db8:a::2
RIGHT6_BEHIND=2001:db8:b::2
# The IPv4 tunnel's other end is on the link, the IPv6 tunnel's one hop behind it.
RIGHT6_OUTER=2001:db8:f::2
RIGHT_NEW_MAC=52:54:00:00:02:99
ELSEWHERE6=2001:db8::99
ELSEWHERE_MAC=02:00:00:00:00:99
# On the link, where nobody has it; and what stands behind it
NOBODY4=192.0.2.77
NOBODY4_NET=203.0.114.0/24
NOBODY4_BEHIND=203.0.114.2
TCP_BYTES=150000

behind() {
	ip netns exec behind "$@"
}

# network GATEWAY4 GATEWAY6 BEHIND4 BEHIND6: this side's inner network
network() {
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	ip netns add behind
	ip link add inner type veth peer name eth0 netns behind || die "no veth"
	ip address add "$1/24" dev inner
	ip -6 address add "$2/64" dev inner nodad
	ip link set inner up
	behind ip link set lo up
	behind ip address add "$3/24" dev eth0
	behind ip -6 address add "$4/64" dev eth0 nodad
	behind ip link set eth0 up
	behind ip route add default via "$1"
	behind ip -6 route add default via "$2"
}

networks() {
	if [ "$LAB_SIDE" = left ]; then
		network $LEFT4_IN $LEFT6_IN $LEFT4_BEHIND $LEFT6_BEHIND
		ip -6 route add $RIGHT6_OUTER via $RIGHT6 || die "no route to the outer address"
		ip route add $RIGHT4_NET via $RIGHT4 src $LEFT4_IN
		ip -6 route add $RIGHT6_NET via $RIGHT6 src $LEFT6_IN
	else
		network $RIGHT4_IN $RIGHT6_IN $RIGHT4_BEHIND $RIGHT6_BEHIND
		ip -6 address add $RIGHT6_OUTER/128 dev lo
		ip route add $LEFT4_NET via $LEFT4 src $RIGHT4_IN
		ip -6 route add $LEFT6_NET via $LEFT6 src $RIGHT6_IN
		# Of its own traffic into a tunnel whose end is on the link, Linux resolves the inner destination
		echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp
		echo 0 >/proc/sys/net/ipv4/neigh/eth0/proxy_delay
	fi
}

# tunnel ID LEFT_OUTER RIGHT_OUTER LEFT_NET RIGHT_NET ESN
tunnel() {
	local me=$2 peer=$3 net=$4 peer_net=$5 out=$((0x1000 + $1)) in=$((0x2000 + $1)) dir
	[ "$LAB_SIDE" = left ] || { me=$3 peer=$2 net=$5 peer_net=$4 out=$((0x2000 + $1)) in=$((0x1000 + $1)); }
	sa_one packet out "$me" "$peer" "$out" "$1" tunnel 16 "$6"
	sa_one packet in "$peer" "$me" "$in" "$1" tunnel 16 "$6"
	policy_one packet out "$net" "$peer_net" "$1" tunnel "$me" "$peer"
	for dir in in fwd; do
		policy_one packet $dir "$peer_net" "$net" "$1" tunnel "$peer" "$me"
	done
}

pings_behind() {
	behind ping -n -q -c 2 -i 0.2 -W 1 "$@" >/dev/null
}

no_ping_behind() {
	! pings_behind "$@"
}

# delta NAME: by how much a counter has grown since the snapshot
delta() {
	echo $(($(nic_stat "$1") - $(awk -v name="$1:" '$1 == name { print $2 }' /tmp/snapshot)))
}

# forwarded FAMILY TARGET PAYLOAD: from behind the left to behind the right and back. TCP alone is $TCP_BYTES in packets of
# less than 1500, each way. Between the gateways neighbour discovery goes on in clear, a packet now and then.
forwarded() {
	local many=$((TCP_BYTES / 1500)) name n
	ethtool -S eth0 >/tmp/snapshot
	t "IPv$1: ping" pings_behind "$2"
	t "IPv$1: packets as large as fit" pings_behind -s "$3" -M "do" "$2"
	t "IPv$1: TCP" behind "$here/traffic.py" tcp "$2" $TCP_BYTES
	t "IPv$1: UDP" behind "$here/traffic.py" udp "$2" 1 100 1200
	for name in tx_protected rx_unprotected; do
		n=$(delta $name)
		tap "IPv$1: by the device" $((n > many ? 0 : 1)) "$name grew by $n"
	done
	n=$(delta tx_tso_packets)
	tap "IPv$1: segmented by the device" $((n > 0 ? 0 : 1)) "$n packets"
	n=$(delta tx_bypass)
	tap "IPv$1: not in clear" $((n < many / 5 ? 0 : 1)) "tx_bypass grew by $n"
}

# path_mtu TARGET PAYLOAD: packets of the veth's MTU do not fit into the tunnel, and the gateway says so
path_mtu() {
	behind ping -n -q -c 1 -W 2 -s "$2" -M "do" "$1" && { echo "1500 bytes fit"; return 1; }
	behind ip route get "$1" | grep -o 'mtu [0-9]*'
}

# own FAMILY: the left gateway's own traffic to the right gateway and behind it
own() {
	local source=$LEFT4_IN gateway=$RIGHT4_IN peer=$RIGHT4_BEHIND
	[ "$1" = 4 ] || source=$LEFT6_IN gateway=$RIGHT6_IN peer=$RIGHT6_BEHIND
	t "IPv$1: from the gateway to the other" grew tx_protected pings -I $source $gateway
	t "IPv$1: and behind it" grew rx_unprotected pings -I $source $peer
	t "IPv$1: TCP from the gateway behind the other" "$here/traffic.py" tcp $peer $TCP_BYTES
	t "IPv$1: from behind the gateway to the other gateway" grew tx_protected pings_behind $gateway
}

left() {
	covered networks4 $LEFT4_NET $RIGHT4_NET
	covered networks6 $LEFT6_NET $RIGHT6_NET
	forwarded 4 $RIGHT4_BEHIND 1410
	forwarded 6 $RIGHT6_BEHIND 1350
	t "IPv4: path MTU" path_mtu $RIGHT4_BEHIND 1472
	t "IPv6: path MTU" path_mtu $RIGHT6_BEHIND 1452
	# Of IPv6 Linux gives no packet with extension headers to packet offload (xfrm_dev_offload_ok())
	t "IPv4: fragments" pings_behind -s 3000 $RIGHT4_BEHIND
	own 4
	own 6
	next_hops
	nobody
	lab-barrier hops-done
	alone
	uncovered networks4
	uncovered networks6
	lab-barrier end
}

# The right takes another MAC address, and says so as gratuitous ARP and neighbour advertisements do.
new_mac() {
	if [ "$LAB_SIDE" = right ]; then
		echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify
		echo 1 >/proc/sys/net/ipv6/conf/eth0/ndisc_notify
		ip link set eth0 address $RIGHT_NEW_MAC
	fi
	lab-barrier mac
}

next_hops() {
	local before after
	before=$(nic_stat ipsec_l2_updates)
	lab-barrier hops
	new_mac
	t "IPv4: goes on when the next hop has a new MAC address" eventually pings_behind $RIGHT4_BEHIND
	t "IPv6: goes on when the next hop has a new MAC address" eventually pings_behind $RIGHT6_BEHIND
	after=$(nic_stat ipsec_l2_updates)
	tap "both SAs were told" $((after >= before + 2 ? 0 : 1)) "l2_updates $before, then $after"
	ip -6 neigh replace $ELSEWHERE6 lladdr $ELSEWHERE_MAC dev eth0
	ip -6 route replace $RIGHT6_OUTER via $ELSEWHERE6
	t "the tunnel follows a route to elsewhere" eventually no_ping_behind -c 1 $RIGHT6_BEHIND
	ip -6 route replace $RIGHT6_OUTER via $RIGHT6
	t "and back" eventually pings_behind $RIGHT6_BEHIND
}

# What is forwarded into a tunnel comes without an Ethernet header: as long as its next hop is unknown it goes nowhere
nobody() {
	local out=$((0x1007))
	ip route add $NOBODY4_NET via $RIGHT4
	sa_one packet out $LEFT4 $NOBODY4 $out 7 tunnel 16 no
	policy_one packet out $LEFT4_NET $NOBODY4_NET 7 tunnel $LEFT4 $NOBODY4
	covered nobody $LEFT4_NET $NOBODY4_NET
	t "a tunnel to nobody: what is forwarded is dropped by name" grew tx_drop_l2 no_ping_behind $NOBODY4_BEHIND
	t "a tunnel to nobody: and took no number" eval '"$here/xfrm.py" getae '"$out $NOBODY4"' | grep -qx oseq=0'
	ip neigh replace $NOBODY4 lladdr $ELSEWHERE_MAC dev eth0
	t "a tunnel to somebody: it leaves" eventually grew tx_protected no_ping_behind $NOBODY4_BEHIND
	uncovered nobody
}

# The right without IPsec: nothing of either side may get through. By the policies of direction fwd alone.
alone() {
	local before after heard
	ip xfrm policy delete src $RIGHT4_NET dst $LEFT4_NET dir in
	ip xfrm policy delete src $RIGHT6_NET dst $LEFT6_NET dir in
	t "IPv4: forwarded by the policy of direction fwd alone" grew rx_unprotected pings_behind $RIGHT4_BEHIND
	t "IPv6: forwarded by the policy of direction fwd alone" grew rx_unprotected pings_behind $RIGHT6_BEHIND
	lab-barrier alone
	lab-barrier alone-right
	before=$(nic_stat rx_drop_clear)
	lab-barrier alone-clear
	lab-barrier alone-cleared
	after=$(nic_stat rx_drop_clear)
	tap "what comes in clear is dropped by name" $((after >= before + 4 ? 0 : 1)) "rx_drop_clear $before, then $after"
	t "and was not answered" test ! -e /out/leak
	t "IPv4: no answer from a right without IPsec" no_ping_behind $RIGHT4_BEHIND
	t "IPv6: no answer from a right without IPsec" no_ping_behind $RIGHT6_BEHIND
	lab-barrier alone-asked
	lab-barrier alone-told
	heard=$(cat /out/heard)
	tap "behind the right, nothing of the left was heard" "$((heard != 0))" "$heard echo requests"
}

serving() {
	ss -Hltn "$@" | grep -q :5001
}

echoes_behind() {
	behind cat /proc/net/snmp /proc/net/snmp6 |
		awk '/^Icmp: [0-9]/ { n += $10 } $1 == "Icmp6InEchos" { n += $2 } END { print n + 0 }'
}

right() {
	local before address
	lab-barrier hops 120
	new_mac
	lab-barrier hops-done 120
	lab-barrier alone
	ip xfrm policy flush
	ip xfrm state flush
	before=$(echoes_behind)
	lab-barrier alone-right
	lab-barrier alone-clear
	for address in $LEFT4_BEHIND $LEFT6_BEHIND; do
		pings_behind "$address" && echo "$address" >>/out/leak
	done
	lab-barrier alone-cleared
	lab-barrier alone-asked
	echo $(($(echoes_behind) - before)) >/out/heard
	lab-barrier alone-told
	lab-barrier end
}

networks
tunnel 4 $LEFT4 $RIGHT4 $LEFT4_NET $RIGHT4_NET no
tunnel 6 $LEFT6 $RIGHT6_OUTER $LEFT6_NET $RIGHT6_NET esn
if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
	behind "$here/traffic.py" serve &
	for netns in "" "-N behind"; do
		# shellcheck disable=SC2086 # words on purpose
		eventually serving $netns || die "no server $netns"
	done
	lab-barrier up
	right
else
	lab-barrier up
	left
	exit "$tap_failed"
fi
