#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Limits to the packet and the byte, in both directions; what is wrong with a packet, in crypto and in packet mode, by the name that
# Linux's software has for it; a peer behind a NAT that moves.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

POLL_S=2.5 # after which xfrm knows what the device has counted
ATTACK_SEQ=100000 # of the attacker's packets: far over those of the peer
PING=(ping -n -q -i 0.03 -W 1 -s 72) # packets of 100 bytes

is() { # WORD VALUE
	[ "$1" = "$2" ] || { echo "$1 instead of $2"; return 1; }
}

# answered COUNT COMMAND...: a ping of which so many are answered
answered() {
	local count=$1
	shift
	is "$("$@" | sed -n 's/.*transmitted, \([0-9]*\) received.*/\1/p')" "$count"
}

# limit ID WHAT DIR LIMIT PASSED: of 30 packets that want to pass one way
limit() {
	local id=$1 what=$2 dir=$3 words=$4 passed=$5 expire
	ipsec_up "$id" packet transport 4 16 no
	if [ "$LAB_SIDE" = left ]; then
		# In place: the limits are new, the counts go on from nothing
		# shellcheck disable=SC2086 # words on purpose
		if [ "$dir" = out ]; then
			SA_COMMAND=update EXTRA_STATE=$words sa_one packet out $LEFT4 $RIGHT4 $((0x1000 + id)) "$id" transport 16 no
		else
			SA_COMMAND=update EXTRA_STATE=$words sa_one packet in $RIGHT4 $LEFT4 $((0x2000 + id)) "$id" transport 16 no
		fi
		before
		expire=/tmp/expire.$id
		timeout $((30 * LAB_SLOW)) ip xfrm monitor expire >"$expire" &
		sleep $POLL_S
	fi
	lab-barrier "limit-$id"
	if [ "$LAB_SIDE" = left ]; then
		t "$what: exactly $passed pass" answered "$passed" "${PING[@]}" -c 30 $RIGHT4
		t "$what: soft limit told" eventually grep -q 'hard 0' "$expire"
		t "$what: hard limit told" eventually grep -q 'hard 1' "$expire"
		# Not found by looking, which is done once a second
		grew_by "$what: by interrupt" ipsec_event_soft 1 ipsec_event_hard 1
		t "$what: the state is gone" eventually eval '[ "$(ip xfrm state | grep -c "^src")" = 1 ]'
	fi
	lab-barrier "limit-$id-done" 120
	ipsec_down
	lab-barrier "limit-$id-down"
}

limits() {
	limit 1 "packets out" out "limit packet-soft 10 limit packet-hard 20" 20
	limit 2 "bytes out" out "limit byte-soft 1000 limit byte-hard 1550" 15
	limit 3 "packets in" in "limit packet-soft 5 limit packet-hard 12" 12
	limit 4 "bytes in" in "limit byte-soft 500 limit byte-hard 1799" 17
}

# before / by NAME: by how much a counter of xfrm_stat or ethtool -S has grown since
before() {
	cat /proc/net/xfrm_stat >/tmp/xfrm
	ethtool -S eth0 >/tmp/nic
}

by() {
	case $1 in
	Xfrm*) echo $(($(xfrm_stat "$1") - $(awk -v name="$1" '$1 == name { print $2 }' /tmp/xfrm))) ;;
	*) echo $(($(nic_stat "$1") - $(awk -v name="$1:" '$1 == name { print $2 }' /tmp/nic))) ;;
	esac
}

# grew_by WHAT NAME VALUE [NAME VALUE]...: each exactly
grew_by() {
	local what=$1
	shift
	while [ $# -ge 2 ]; do
		t "$what: $1" is "$(by "$1")" "$2"
		shift 2
	done
}

# sums: all that device and driver dropped for IPsec stands in xfrm_stat under some name
sums() {
	local rx tx name n
	rx=0 tx=0
	for name in clear discard fragment malformed integrity replay too_old lifetime selector padding ecn engine dormant; do
		n=$(by "rx_drop_$name")
		rx=$((rx + n))
	done
	# shellcheck disable=SC2013 # words are what is wanted
	for name in $(awk '$1 ~ /^ipsec_rx_drop_/ { sub(":", ""); print $1 }' /tmp/nic); do
		rx=$((rx + $(by "$name")))
	done
	for name in handle discard no_sa fragment malformed seq lifetime selector mtu engine lease l2 replay clear; do
		n=$(by "tx_drop_$name")
		tx=$((tx + n))
	done
	# shellcheck disable=SC2013 # words are what is wanted
	for name in $(awk '$1 ~ /^ipsec_tx_drop_/ { sub(":", ""); print $1 }' /tmp/nic); do
		tx=$((tx + $(by "$name")))
	done
	n=0
	# shellcheck disable=SC2013 # words are what is wanted
	for name in $(awk '$1 ~ /^XfrmIn/ { print $1 }' /tmp/xfrm); do
		n=$((n + $(by "$name")))
	done
	t "sums: what was dropped inbound ($rx)" is $n $rx
	n=0
	# shellcheck disable=SC2013 # words are what is wanted
	for name in $(awk '$1 ~ /^XfrmOut/ { print $1 }' /tmp/xfrm); do
		n=$((n + $(by "$name")))
	done
	t "sums: what was dropped outbound ($tx)" is $n $tx
}

# sa_stat WORD: of the inbound state, from `ip -s`
sa_stat() {
	ip -s xfrm state get src $RIGHT4 dst $LEFT4 proto esp spi $((0x2000 + $2)) |
		sed -n "s/.* $1 \([0-9]*\).*/\1/p" | tail -n 1
}

attack() { # ID WHAT...
	local spi=$((0x2000 + $1))
	shift
	"$here/forge.py" eth0 "$(ip neigh show $LEFT4 dev eth0 | awk '{ print $3 }')" $RIGHT4 $LEFT4 $spi \
		"$(key "$spi" 20)" $ATTACK_SEQ "$@"
}

wrong_packets() { # ID TYPE
	local id=$1 type=$2
	ipsec_up "$id" "$type" transport 4 16 no
	lab-barrier "wrong-$type"
	if [ "$LAB_SIDE" = left ]; then
		t "$type mode: ping" pings $RIGHT4
		sleep $POLL_S
		before
	else
		sleep 1
	fi
	lab-barrier "wrong-$type-before"
	[ "$LAB_SIDE" = left ] ||
		attack "$id" good replay old icv icv cipher short stump padding dummy good good replay clear spi
	lab-barrier "wrong-$type-sent"
	if [ "$LAB_SIDE" = left ]; then
		sleep $POLL_S
		"wrong_$type" "$id"
		# Traffic still passes: the attacker's good ones moved the window on, so only outbound
		t "$type mode: the states are sound" is "$(ip xfrm state | grep -c "mode $type")" 2
		[ "$type" = crypto ] || no_state "$id"
	fi
	lab-barrier "wrong-$type-done"
	ipsec_down
	lab-barrier "wrong-$type-down"
}

# xfrm judges by the status that the device gives
wrong_crypto() {
	grew_by "crypto mode" rx_crypto 8 rx_crypto_failed 5 ipsec_rx_integrity 3 ipsec_rx_malformed 2 \
		XfrmInStateProtoError 5 XfrmInBufferError 2 XfrmInStateSeqError 3 XfrmInNoStates 1
	t "crypto mode: failed ICVs of the state" is "$(sa_stat failed "$1")" 3
	t "crypto mode: replays of the state" is "$(sa_stat replay "$1")" 2
}

# The device judges, and xfrm is told
wrong_packet() {
	grew_by "packet mode" rx_unprotected 3 rx_drop_integrity 3 rx_drop_replay 2 rx_drop_too_old 1 rx_drop_malformed 3 rx_dummy 1 \
		rx_drop_clear 1 rx_unknown_spi 1 XfrmInStateProtoError 3 XfrmInStateSeqError 3 XfrmInHdrError 3 \
		XfrmInTmplMismatch 1 XfrmInNoStates 1
	t "packet mode: failed ICVs of the state" is "$(sa_stat failed "$1")" 3
	t "packet mode: replays of the state" is "$(sa_stat replay "$1")" 3
}

# Without a state what policies want protected stays in: dropped by the device, where Linux lets it come so far
no_state() {
	ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((0x1000 + $1))
	"$here/traffic.py" raw eth0 $LEFT4 $RIGHT4 1
	sleep $POLL_S
	t "packet mode: no state, by the device" is "$(by tx_drop_no_sa)" 1
	before_sums
}

before_sums() {
	# One ESP packet of an unknown SPI is Linux's own drop, not the device's
	local n
	n=$(by XfrmInNoStates)
	t "sums: Linux's own" is "$n" 1
	sed -i "s/^\(XfrmInNoStates[[:space:]]*\)\([0-9]*\)/echo \"\1\$((\2 + $n))\"/e" /tmp/xfrm
	sums
}

other_port() { # ID SOURCE
	SA_COMMAND=update EXTRA_STATE="encap espinudp 4500 4501 0.0.0.0" \
		sa_one packet out "$2" $RIGHT4 $((0x1000 + $1)) "$1" tunnel 16 no
}

# The peer's NAT gives it another port: verified packets from there reach Linux's IKE daemon as XFRM_MSG_MAPPING
remaps() {
	local pid type=$1 id=$2
	EXTRA_STATE="encap espinudp 4500 4500 0.0.0.0" ipsec_up "$id" "$type" tunnel 4 16 no
	# As an IKE daemon does for its socket: the kernel asks for a policy before it sees ESP in UDP
	ip xfrm policy add proto udp dport 4500 dir in priority 10
	python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 100, 2)  # UDP_ENCAP, UDP_ENCAP_ESPINUDP
s.setsockopt(socket.IPPROTO_UDP, 104, 1)  # UDP_GRO: ESP is taken out before any policy is asked
s.bind(("", 4500))
time.sleep(600)' &
	pid=$!
	if [ "$LAB_SIDE" = left ]; then
		timeout $((30 * LAB_SLOW)) ip xfrm monitor >"/tmp/mapping.$id" 2>&1 &
		sleep 1
	fi
	lab-barrier "remap-$id"
	if [ "$LAB_SIDE" = left ]; then
		[ "$type" = crypto ] || refused "packet mode, NAT-T: ports can't be updated" "UDP ports can't be updated in packet mode" \
			other_port "$id" $LEFT4
		# Linux finds the state by its destination alone
		[ "$type" = crypto ] || refused "packet mode, NAT-T: nor with another source" "UDP ports can't be updated in packet mode" \
			other_port "$id" 192.0.2.77
		# Once the sockets are there
		t "$type mode, NAT-T: ping" eventually pings $RIGHT4_IN
		t "$type mode, NAT-T: no mapping is told while it holds" eval '! grep -qi mapping /tmp/mapping.'"$id"
	fi
	lab-barrier "remap-$id-move"
	if [ "$LAB_SIDE" = right ]; then
		SA_COMMAND=update EXTRA_STATE="encap espinudp 4999 4500 0.0.0.0" \
			sa_one none out $RIGHT4 $LEFT4 $((0x2000 + id)) "$id" tunnel 16 no
		"${PING[@]}" -c 3 -I $RIGHT4_IN $LEFT4_IN >/dev/null
	fi
	lab-barrier "remap-$id-moved"
	if [ "$LAB_SIDE" = left ]; then
		t "$type mode, NAT-T: the new mapping is told" eventually grep -qi "4999" "/tmp/mapping.$id"
		[ "$type" = crypto ] || t "$type mode, NAT-T: by interrupt" test "$(nic_stat ipsec_event_remap)" -gt 0
	fi
	lab-barrier "remap-$id-done"
	kill "$pid"
	ipsec_down
	lab-barrier "remap-$id-down"
}

# state_of SPI COMMAND [WORDS]: add, or update, a second outbound state
state_of() {
	local spi=$1 command=$2
	shift 2
	SA_COMMAND=$command EXTRA_STATE="$*" sa_one packet out $LEFT4 $RIGHT4 "$spi" 20 transport 16 no
}

# packets_of SPI: that the kernel says it has sent
packets_of() {
	"$here/xfrm.py" getae "$1" $RIGHT4 | sed -n 's/^packets=//p'
}

sent_by() { # SPI COUNT
	sleep $POLL_S
	is "$(packets_of "$1")" "$2"
}

# A soft limit makes a state dying, and the other of the policy's template sends; a new limit makes it live again
revived() {
	local new=$((0x1114))
	ipsec_up 20 packet transport 4 16 no
	if [ "$LAB_SIDE" = left ]; then
		state_of $new add limit packet-soft 10
	else
		sa_one packet in $LEFT4 $RIGHT4 $new 20 transport 16 no
	fi
	lab-barrier revived
	if [ "$LAB_SIDE" = left ]; then
		t "dying: the newest state sends" answered 10 "${PING[@]}" -c 10 $RIGHT4
		t "dying: all by it" sent_by $new 10
		t "dying: then the other one" answered 5 "${PING[@]}" -c 5 $RIGHT4
		t "dying: all by that" sent_by 0x1014 5
		t "dying: a new limit" state_of $new update limit packet-soft 1000
		sleep $POLL_S
		t "dying: no longer: it sends again" answered 4 "${PING[@]}" -c 4 $RIGHT4
		t "dying: all by it again" sent_by $new 14
	fi
	lab-barrier revived-done 120
	ipsec_down
	lab-barrier revived-down
}

# A limit that comes to lie behind what had passed before the device began to count: it can't be told so
lowered() {
	ipsec_up 21 packet transport 4 16 no
	lab-barrier lowered
	if [ "$LAB_SIDE" = left ]; then
		t "lowered: a count that is not the device's" "$here/xfrm.py" newae 0x1015 $RIGHT4 100
		timeout $((30 * LAB_SLOW)) ip xfrm monitor expire >/tmp/expire.lowered &
		sleep 0.5
		t "lowered: a limit below it" eval 'SA_COMMAND=update EXTRA_STATE="limit packet-hard 50" \
			sa_one packet out $LEFT4 $RIGHT4 $((0x1015)) 21 transport 16 no'
		t "lowered: the hard limit is told" eventually grep -q 'hard 1' /tmp/expire.lowered
		t "lowered: the state is gone" eventually eval '[ "$(ip xfrm state | grep -c "^src")" = 1 ]'
	fi
	lab-barrier lowered-done 120
	ipsec_down
	lab-barrier lowered-down
}

# A second state to another address takes over the keys of the first, and its counts to the last packet
handed() {
	local new=192.0.2.12
	ipsec_up 22 packet transport 4 16 no
	lab-barrier handed
	if [ "$LAB_SIDE" = left ]; then
		t "handed over: traffic" answered 7 "${PING[@]}" -c 7 $RIGHT4
		sa_one packet out $LEFT4 $new $((0x1016)) 22 transport 16 no
		# Between the look at its counts, when the second was made, and the end of the first
		t "handed over: and more of it" answered 6 "${PING[@]}" -c 6 $RIGHT4
		ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi 0x1016
		t "handed over: the second has all 13 packets" eventually eval \
			'is "$("$here/xfrm.py" getae 0x1016 192.0.2.12 | sed -n s/^packets=//p)" 13'
	fi
	lab-barrier handed-done 120
	ipsec_down
	lab-barrier handed-down
}

lab-barrier start 120
limits
revived
lowered
handed
wrong_packets 5 crypto
wrong_packets 6 packet
remaps packet 7
remaps crypto 8
lab-barrier end
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
