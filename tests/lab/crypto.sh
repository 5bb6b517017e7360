#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Crypto mode: TCP that the device segments, sums up and encrypts as ESP, in transport and tunnel, both families, ESN, UDP
# encapsulation, with either offload turned off, and over the wrap of the low half of the sequence numbers.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

BYTES=$((400000 / LAB_SLOW))
NATT_PORT=4500

# did NAME MIN: a counter has grown so much since the snapshot
did() {
	local n
	n=$(($(nic_stat "$1") - $(awk -v name="$1:" '$1 == name { print $2 }' /tmp/snapshot)))
	[ "$n" -ge "$2" ] || { echo "$1 grew by $n"; return 1; }
}

did_not() {
	! did "$@"
}

# transfer WHAT TARGET SEGMENTED: both ways; SEGMENTED: did, or did_not
transfer() {
	ethtool -S eth0 >/tmp/snapshot
	t "$1: TCP both ways" "$here/traffic.py" tcp "$2" $BYTES
	t "$1: UDP, small and large" "$here/traffic.py" udp "$2" 1 2 3 4 100 1300
	t "$1: encrypted by the device" did tx_crypto $((BYTES / 1500))
	t "$1: and decrypted" did rx_crypto $((BYTES / 1500))
	t "$1: segmented by the device: $3" "$3" tx_tso_packets $((10 / LAB_SLOW))
	t "$1: nothing refused" eval 'did_not tx_drop_handle 1 && did_not tx_drop_tso 1 && did_not tx_drop_csum 1 && did_not rx_crypto_failed 1'
}

# case ID WHAT MODE FAMILY KEYBYTES ESN COMMAND...
case_of() {
	local id=$1 what=$2 mode=$3 family=$4
	ipsec_up "$id" crypto "$mode" "$family" "$5" "$6"
	covered "c$id" $LEFT4/32 $RIGHT4/32
	shift 6
	lab-barrier "case-$id"
	if [ "$LAB_SIDE" = left ]; then
		t "$what: offloaded" eval '[ "$(ip xfrm state | grep -c "offload parameters:.*mode crypto")" = 2 ]'
		"$@" "$what" "$(target "$mode" "$family")"
	fi
	lab-barrier "case-$id-done" 180
	uncovered "c$id"
	ipsec_down
	lab-barrier "case-$id-down"
}

whole() {
	transfer "$1" "$2" did
}

# Each of both can be turned off, and the stack does it
halves() {
	t "$1: segmentation off" ethtool -K eth0 tx-esp-segmentation off
	transfer "$1, checksums alone" "$2" did_not
	t "$1: checksums off" ethtool -K eth0 esp-tx-csum-hw-offload off
	transfer "$1, neither" "$2" did_not
	t "$1: segmentation on" ethtool -K eth0 tx-esp-segmentation on
	transfer "$1, segmentation alone" "$2" did
	t "$1: both on" ethtool -K eth0 esp-tx-csum-hw-offload on
	refused "$1: esp-hw-offload stays on while it is used" "" ethtool -K eth0 esp-hw-offload off
}

# ESP in UDP wants a socket with UDP_ENCAP where the kernel decapsulates: in crypto mode, on both sides
natt_socket() {
	python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 100, 2)  # UDP_ENCAP, UDP_ENCAP_ESPINUDP
s.setsockopt(socket.IPPROTO_UDP, 104, 1)  # UDP_GRO: ESP is taken out before any policy is asked
s.bind(("", 4500))
time.sleep(600)' &
	natt_pid=$!
	sleep 1
}

natt() {
	local dir
	natt_socket
	for mode in transport tunnel; do
		# As an IKE daemon does for its socket: the kernel asks for a policy before it sees ESP in UDP
		for dir in in out; do
			ip xfrm policy add proto udp dport $NATT_PORT dir $dir priority 10
		done
		EXTRA_STATE="encap espinudp $NATT_PORT $NATT_PORT 0.0.0.0" case_of $((20 + ${#mode})) "NAT-T, $mode" $mode 4 16 no whole
	done
	kill "$natt_pid"
	if [ "$LAB_SIDE" = left ]; then
		t "NAT-T over IPv6 goes to software" eval '
			ip xfrm state add src $LEFT6 dst $RIGHT6 proto esp spi 0x9000 reqid 9 mode transport aead "rfc4106(gcm(aes))" \
				"$(key natt6 20)" 128 encap espinudp 4500 4500 :: offload crypto dev eth0 dir out &&
			! ip xfrm state | grep -q "crypto offload\|mode crypto"'
		ip xfrm state flush
	fi
}

# The numbers begin just before 2^32, so that a burst that TCP hands over as one crosses it
wraps() {
	local id=9 near=0xffffffd0 me=$LEFT4 peer=$RIGHT4 out=$((0x1009)) in=$((0x2009)) oseq
	[ "$LAB_SIDE" = left ] || { me=$RIGHT4 peer=$LEFT4 out=$((0x2009)) in=$((0x1009)); }
	EXTRA_STATE="replay-oseq $near replay-oseq-hi 6" sa_one crypto out $me $peer $out $id transport 16 esn
	EXTRA_STATE="replay-seq $near replay-seq-hi 6" sa_one crypto in $peer $me $in $id transport 16 esn
	policy_one crypto out $me/32 $peer/32 $id transport $me $peer
	policy_one crypto in $peer/32 $me/32 $id transport $peer $me
	lab-barrier wraps
	if [ "$LAB_SIDE" = left ]; then
		transfer "over 2^32" $RIGHT4 did
		oseq=$("$here/xfrm.py" getae 0x1009 $RIGHT4 | sed -n 's/^oseq=//p')
		t "over 2^32: by $((oseq - (7 << 32))) packets" test "$oseq" -gt $((7 << 32))
		t "over 2^32: no half was wrong" did_not ipsec_rx_esn 1
	fi
	lab-barrier wraps-done 120
	ipsec_down
	lab-barrier wraps-down
}

# Packets that come twice to the device with one number, as copies of one skb do, leave it once: the wire is searched for nonces.
# (tc's mirred makes none: Linux lets it mirror to no interface from that interface, and encrypts what it mirrors to others itself.)
doubled() {
	local before told
	t "$1: doubled in the queue" tc qdisc add dev eth0 root netem duplicate 50%
	before=$(nic_stat tx_drop_replay)
	told=$(xfrm_stat XfrmOutStateSeqError)
	transfer "$1" "$2" did
	t "$1: each left once" test "$(nic_stat tx_drop_replay)" -gt "$before"
	t "$1: XfrmStat has the others" eventually eval "[ \$(xfrm_stat XfrmOutStateSeqError) -gt $told ]"
	t "$1: no longer" tc qdisc del dev eth0 root
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
case_of 1 "transport, IPv4" transport 4 16 no whole
natt
case_of 2 "transport, IPv6, ESN" transport 6 32 esn whole
case_of 3 "tunnel, IPv4, ESN" tunnel 4 24 esn halves
case_of 4 "tunnel, IPv6" tunnel 6 16 no whole
case_of 5 "tunnel, IPv6 in IPv4" tunnel 6in4 16 esn whole
case_of 6 "tunnel, IPv4 in IPv6" tunnel 4in6 16 esn whole
wraps
case_of 7 "copies" transport 4 16 no doubled
lab-barrier end
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
