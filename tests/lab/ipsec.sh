#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Packet offload beyond the demo's phases: what is refused and how, policies, fail closed, lifetimes, NAT-T, ICV lengths.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

GCM=(aead 'rfc4106(gcm(aes))' "$(key refused 20)" 128)
NATT_PORT=4500

# state WORDS...: an outbound transport state of packet offload with these words more
state() {
	ip xfrm state add src $LEFT4 dst $RIGHT4 proto esp spi "${SPI:-0x9000}" reqid 9 mode "${MODE:-transport}" "$@" \
		offload "${TYPE:-packet}" dev eth0 dir "${DIR:-out}"
}

policy() {
	ip xfrm policy add src "${PSRC:-$LEFT4/32}" dst $RIGHT4/32 dir out "$@" offload packet dev eth0
}

tmpl() {
	echo "tmpl src $LEFT4 dst $RIGHT4 proto esp reqid 9 mode transport"
}

# software_instead WORDS...: crypto offload that cannot be is taken by the kernel's software, and shown so
software_instead() {
	TYPE='' state_crypto "$@" && ! ip xfrm state | grep -q 'crypto offload' && ip xfrm state flush
}

state_crypto() {
	ip xfrm state add src $LEFT4 dst $RIGHT4 proto esp spi 0x9000 reqid 9 mode transport "$@" \
		offload crypto dev eth0 dir out
}

refusals() {
	refused "a truncation that no RFC has" "hmac(sha256) can be offloaded with ICVs of 128 bits: use auth-trunc" \
		state enc 'cbc(aes)' "$(key c 16)" auth 'hmac(sha256)' "$(key a 32)"
	refused "a key that no RFC has" "hmac(sha1) can be offloaded with keys of 160 bits" \
		state enc 'cbc(aes)' "$(key c 16)" auth-trunc 'hmac(sha1)' "$(key a 32)" 96
	refused "an ICV that no RFC has: by Linux itself" "Requested AEAD algorithm not found" \
		state aead 'rfc4543(gcm(aes))' "$(key x 20)" 64
	refused "encryption alone" "" state enc 'cbc(aes)' "$(key c 16)"
	refused "another cipher" "the device knows no such cipher" \
		state enc 'cbc(camellia)' "$(key c 16)" auth-trunc 'hmac(sha256)' "$(key a 32)" 128
	SPI=0x50 refused "reserved SPI" "SPIs below 256 are reserved" state "${GCM[@]}"
	MODE=beet refused "BEET" "only transport and tunnel mode can be offloaded" state "${GCM[@]}" sel src $LEFT4 dst $RIGHT4
	DIR=in refused "window of 16" "replay window 16: packet offload takes 0 or 32 to 4096" \
		state "${GCM[@]}" replay-window 16
	refused "mark" "marks can't be packet-offloaded" state "${GCM[@]}" mark 1 mask 1
	refused "output mark" "output marks can't be packet-offloaded" state "${GCM[@]}" output-mark 1
	refused "if_id" "an if_id can't be packet-offloaded" state "${GCM[@]}" if_id 7
	refused "sequence numbers that wrap" "must not wrap" state "${GCM[@]}" extra-flag oseq-may-wrap
	DIR=in refused "decap-dscp" "decap-dscp can't be packet-offloaded" state "${GCM[@]}" flag decap-dscp
	refused "encapsulation in TCP" "" state "${GCM[@]}" encap espintcp 4500 4500 0.0.0.0
	for TYPE in crypto packet; do
		refused "AH, $TYPE: by Linux itself" "Type doesn't support offload" ip xfrm state add src $LEFT4 dst $RIGHT4 proto ah \
			spi 0x9000 reqid 9 mode transport auth-trunc 'hmac(sha256)' "$(key a 32)" 128 offload "$TYPE" dev eth0 dir out
	done
	TYPE=''
	t "crypto offload of CBC falls back to software" software_instead \
		enc 'cbc(aes)' "$(key c 16)" auth-trunc 'hmac(sha256)' "$(key a 32)" 128
	t "one SA is taken" state "${GCM[@]}"
	SPI=0x9001 refused "a second SA of the same key and salt" "another state in the device has this key and salt" state "${GCM[@]}"
	ip xfrm state flush
	t "and taken once the first is gone" eventually state "${GCM[@]}"
	ip xfrm state flush
	t "every refusal is counted" eval '[ "$(nic_stat ipsec_sa_refused)" -ge 10 ]'
}

# Of states, by the text of docs/offload-matrix.md; left out is what Linux or `ip` refuses before the driver is asked.
more_refusals() {
	refused "no destination" "offload needs a destination address" \
		ip xfrm state add src $LEFT4 dst 0.0.0.0 proto esp spi 0x9000 mode transport "${GCM[@]}" offload packet dev eth0 dir out
	refused "a tunnel without source" "packet offload of a tunnel needs its source address" \
		ip xfrm state add src 0.0.0.0 dst $RIGHT4 proto esp spi 0x9000 mode tunnel "${GCM[@]}" offload packet dev eth0 dir out
	refused "a UDP port of 0" "UDP encapsulation needs both ports" state "${GCM[@]}" encap espinudp 4500 0 0.0.0.0
	DIR=in refused "wildrecv" "wildrecv can't be packet-offloaded" state "${GCM[@]}" flag wildrecv
	refused "extra flags nobody knows" "unknown extra flags can't be packet-offloaded" state "${GCM[@]}" extra-flag 0x40
	refused "a limit of 0" "a lifetime of 0 packets or bytes lets nothing pass" state "${GCM[@]}" limit packet-hard 0
	refused "a selector's GRE key" "a selector of protocol 47 can't have ports" \
		state "${GCM[@]}" sel src $LEFT4 dst $RIGHT4 proto gre key 5
	refused "a selector's interface" "the selector names another interface" \
		state "${GCM[@]}" sel src $LEFT4 dst $RIGHT4 dev lo
	DIR=in TYPE=crypto says "crypto mode, inbound mark: software instead" "inbound states with a mark can't be offloaded" \
		state "${GCM[@]}" mark 1 mask 1
	ip xfrm state flush
	says "crypto mode, UDP over IPv6: software instead" "UDP encapsulation can be offloaded in packet mode only" \
		ip xfrm state add src $LEFT6 dst $RIGHT6 proto esp spi 0x9000 mode transport "${GCM[@]}" \
		encap espinudp 4500 4500 :: offload crypto dev eth0 dir out
	ip xfrm state flush
	t "esp-hw-offload off" ethtool -K eth0 esp-hw-offload off
	refused "packet offload, turned off" "esp-hw-offload of this interface is off" state "${GCM[@]}"
	# shellcheck disable=SC2046 # words on purpose
	refused "a policy, turned off" "esp-hw-offload of this interface is off" policy $(tmpl)
	TYPE=crypto says "crypto offload, turned off: software instead" "esp-hw-offload of this interface is off" state "${GCM[@]}"
	ip xfrm state flush
	t "esp-hw-offload on" ethtool -K eth0 esp-hw-offload on
}

policy_refusals() {
	local any="src $LEFT4 dst $RIGHT4 proto esp reqid 9"
	# shellcheck disable=SC2046,SC2086 # words on purpose
	{
		refused "two templates" "policies with more than one template can't be offloaded" policy $(tmpl) $(tmpl)
		refused "optional template" "optional templates (level use) can't be offloaded" policy $(tmpl) level use
		refused "template of AH" "templates other than ESP can't be offloaded" \
			policy tmpl src $LEFT4 dst $RIGHT4 proto ah reqid 9 mode transport
		refused "template of BEET" "templates of other modes than transport and tunnel can't be offloaded" \
			policy tmpl $any mode beet
		refused "template with a reserved SPI" "templates with an SPI below 256 can't be offloaded" \
			policy tmpl src $LEFT4 dst $RIGHT4 proto esp spi 0x50 reqid 9 mode transport
		refused "policy with a mark" "policies with a mark can't be offloaded" policy mark 1 mask 1 $(tmpl)
		refused "policy with an if_id" "policies with an if_id can't be offloaded" policy if_id 7 $(tmpl)
		refused "policy with a GRE key" "a selector of protocol 47 can't have ports" policy_of "proto gre key 5" $(tmpl)
		refused "policy of another interface" "the selector names another interface" policy_of "dev lo" $(tmpl)
	}
	t "no policy was left" eval '[ -z "$(ip xfrm policy)" ]'
}

# policy_of SELECTOR WORDS...
policy_of() {
	# shellcheck disable=SC2086 # words on purpose
	ip xfrm policy add src $LEFT4/32 dst $RIGHT4/32 $1 dir out "${@:2}" offload packet dev eth0
}

# both sides: fail closed around one transport SA pair
fail_closed() {
	ipsec_up 1 packet transport 4 16 no
	lab-barrier closed-up
	if [ "$LAB_SIDE" = left ]; then
		t "protected" grew tx_protected pings $RIGHT4
		t "and the answers unprotected" grew rx_unprotected pings $RIGHT4
		ip xfrm state deallsa 2>/dev/null || ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi 0x1001
		t "no SA: nothing leaves" no_ping $RIGHT4
		sa_one packet out $LEFT4 $RIGHT4 $((0x1001)) 1 transport 16 no
		t "the SA again: traffic goes on" eventually pings $RIGHT4
	fi
	lab-barrier closed-1
	# The right forgets IPsec: what it sends in clear must not come through.
	local before after
	[ "$LAB_SIDE" = right ] || before=$(nic_stat rx_drop_clear)
	[ "$LAB_SIDE" = left ] || ipsec_down
	lab-barrier closed-2
	if [ "$LAB_SIDE" = right ]; then
		ping -n -q -c 3 -i 0.2 -W 1 $LEFT4 >/dev/null && echo answered >/out/leak
		lab-barrier closed-3
	else
		lab-barrier closed-3
		after=$(nic_stat rx_drop_clear)
		tap "clear packets that a policy covers are dropped by name" $((after >= before + 3 ? 0 : 1)) \
			"rx_drop_clear $before, then $after"
		t "and were not answered" test ! -e /out/leak
	fi
	ipsec_down
	lab-barrier closed-down
}

# A datagram to ADDRESS with an IPv4 option (a route to be recorded), or an IPv6 header of options for the destination
send_with_options() { # ADDRESS
	python3 -c '
import socket, sys
if ":" in sys.argv[1]:
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes((7, 7, 4, 0, 0, 0, 0, 0)))
s.sendto(b"options", (sys.argv[1], 5002))' "$1"
}

# Linux brings the device nothing of that: an error, and no packet in clear
not_for_the_device() {
	local before address
	for address in $RIGHT4 $RIGHT6; do
		before=$(xfrm_stat XfrmOutError)
		refused "options, to $address: EHOSTUNREACH" "No route to host" send_with_options "$address"
		t "options, to $address: XfrmOutError" test "$(xfrm_stat XfrmOutError)" -gt "$before"
		t "without them it is protected" grew tx_protected pings "$address"
	done
}

options() {
	local before
	ipsec_up 3 packet transport 4 16 no
	ipsec_up 4 packet transport 6 16 no
	covered options-4 $LEFT4/32 $RIGHT4/32
	covered options-6 $LEFT6/128 $RIGHT6/128
	lab-barrier options-up
	if [ "$LAB_SIDE" = left ]; then
		t "protected, both families" eval 'grew tx_protected pings $RIGHT4 && grew tx_protected pings $RIGHT6'
		not_for_the_device
		before=$(nic_stat rx_unprotected)
	fi
	lab-barrier options-in
	# Of software, which protects them: ESP stands behind the options.
	[ "$LAB_SIDE" = left ] || ping -n -q -c 3 -i 0.2 -W 1 -R $LEFT4
	lab-barrier options-in-done
	[ "$LAB_SIDE" = right ] || t "IPv4 options in: the device takes them" test "$(nic_stat rx_unprotected)" -ge $((before + 3))
	lab-barrier options-over
	uncovered options-4
	uncovered options-6
	ipsec_down
	lab-barrier options-down
}

# Policies with ports: TCP to 5001 is protected, UDP to 5002 bypassed, the rest blocked
ports() {
	local dir sel me=$LEFT4 peer=$RIGHT4 out=$((0x1002)) in=$((0x2002))
	[ "$LAB_SIDE" = left ] || { me=$RIGHT4 peer=$LEFT4 out=$((0x2002)) in=$((0x1002)); }
	sa_one packet out $me $peer $out 2 transport 32 esn
	sa_one packet in $peer $me $in 2 transport 32 esn
	for dir in out in; do
		case $LAB_SIDE-$dir in
		left-out | right-in) sel="dport" ;;
		*) sel="sport" ;;
		esac
		# shellcheck disable=SC2046
		{
			ip xfrm policy add src $([ $dir = out ] && echo $me || echo $peer)/32 \
				dst $([ $dir = out ] && echo $peer || echo $me)/32 proto tcp $sel 5001 dir $dir priority 10 \
				$(offload_policy packet) tmpl src $([ $dir = out ] && echo $me || echo $peer) \
				dst $([ $dir = out ] && echo $peer || echo $me) proto esp reqid 2 mode transport
			ip xfrm policy add src $([ $dir = out ] && echo $me || echo $peer)/32 \
				dst $([ $dir = out ] && echo $peer || echo $me)/32 proto udp $sel 5002 dir $dir priority 20 \
				$(offload_policy packet)
			! on_espnic || ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto icmp dir $dir priority 30 \
				action block offload packet dev eth0
		}
	done
	lab-barrier ports-up
	if [ "$LAB_SIDE" = left ]; then
		t "TCP to the port is protected" grew tx_protected "$here/traffic.py" tcp $RIGHT4 $((500000 / LAB_SLOW))
		t "UDP to the bypassed port goes in clear" grew tx_bypass "$here/traffic.py" udp $RIGHT4 1 500 1400
		t "and so do fragments, whose ports only the first one shows" grew tx_bypass "$here/traffic.py" udp $RIGHT4 4000 9000
		t "ICMP is blocked" no_ping $RIGHT4
		# Linux drops what it sends by its own policies; a packet socket goes around them, not around the device
		t "ICMP is blocked by the device" grew tx_drop_discard "$here/traffic.py" raw eth0 $LEFT4 $RIGHT4 1
		t "TCP from a packet socket is protected, too" grew tx_protected "$here/traffic.py" raw eth0 $LEFT4 $RIGHT4 6
	fi
	lab-barrier ports-done 120
	ipsec_down
	lab-barrier ports-down
}

lifetimes() {
	EXTRA_STATE=''
	if [ "$LAB_SIDE" = left ]; then
		EXTRA_STATE="limit packet-soft 10 limit packet-hard 20"
		timeout $((30 * LAB_SLOW)) ip xfrm monitor expire >/tmp/expire &
	fi
	ipsec_up 3 packet transport 4 16 no
	EXTRA_STATE=''
	lab-barrier life-up
	if [ "$LAB_SIDE" = left ]; then
		ping -n -q -c 12 -i 0.05 -W 1 $RIGHT4 >/dev/null
		t "soft limit: the kernel is told" eventually grep -q 'hard 0' /tmp/expire
		ping -n -q -c 20 -i 0.05 -W 1 $RIGHT4 >/dev/null
		t "hard limit: the kernel is told" eventually grep -q 'hard 1' /tmp/expire
		t "past the hard limit nothing leaves" no_ping $RIGHT4
		t "the device let no more than the limit pass" eval '[ "$(nic_stat tx_protected)" -gt 0 ]'
	fi
	lab-barrier life-done 120
	ipsec_down
	lab-barrier life-down
}

icv_lengths() {
	local bits
	for bits in 64 96 128; do
		ICV_BITS=$bits ipsec_up $((10 + bits / 32)) packet tunnel 4 16 no
		lab-barrier "icv-$bits"
		if [ "$LAB_SIDE" = left ]; then
			t "ICV of $bits bits" "$here/traffic.py" tcp $RIGHT4_IN $((200000 / LAB_SLOW))
		fi
		lab-barrier "icv-$bits-done" 120
		ipsec_down
		lab-barrier "icv-$bits-down"
	done
}

# out_policies_go SRC DST: the policies out for it, but for the blocks behind them
out_policies_go() {
	ip xfrm policy delete src "$1/32" dst "$2/32" dir out
}

drained() {
	[[ "$(tc -s qdisc show dev eth0 root)" = *"backlog 0b 0p"* ]]
}

# What Linux let through waits in a qdisc while its policy is deleted
waiting() {
	local mode me
	for mode in transport tunnel; do
		ipsec_up $((40 + ${#mode})) packet $mode 4 16 no
		lab-barrier "waiting-$mode"
		if [ "$LAB_SIDE" = left ]; then
			me=$LEFT4
			[ $mode = transport ] || me=$LEFT4_IN
			pings "$(target $mode 4)" >/dev/null
			covered "waiting-$mode" "$me/32" "$(target $mode 4)/32"
			tc qdisc add dev eth0 root tbf rate $((400 / LAB_SLOW))kbit burst 3k latency 30s
			# a burst at once, more than the filter lets through, however slow the machine is
			ping -n -q -f -l 20 -c 100 -s 1000 -W 1 "$(target $mode 4)" >/dev/null &
			t "$mode: packets wait" eventually eval '! drained'
			t "$mode: the policy is deleted" out_policies_go "$me" "$(target $mode 4)"
			t "$mode: none is left" eventually drained
			t "$mode: what waited is dropped by name" test "$(nic_stat tx_drop_clear)" -gt "${clear:-0}"
			clear=$(nic_stat tx_drop_clear)
			kill %% 2>/dev/null
			tc qdisc del dev eth0 root
			uncovered "waiting-$mode"
		fi
		lab-barrier "waiting-$mode-done" 120
		ipsec_down
		lab-barrier "waiting-$mode-down"
	done
}

# ESP in UDP wants a socket with UDP_ENCAP where the kernel decapsulates
natt() {
	local mode sport pid
	if [ "$LAB_SIDE" = right ]; then
		python3 -c '
import socket, time
for family in (socket.AF_INET,):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_UDP, 100, 2)  # UDP_ENCAP, UDP_ENCAP_ESPINUDP
    s.bind(("", 4500))
time.sleep(600)' &
		pid=$!
		sleep 1
	fi
	for mode in transport tunnel; do
		sport=$NATT_PORT
		EXTRA_STATE="encap espinudp $sport $NATT_PORT 0.0.0.0" ipsec_up $((20 + ${#mode})) packet $mode 4 16 no
		# As an IKE daemon does for its socket: the kernel asks for a policy before it sees ESP in UDP
		[ "$LAB_SIDE" = left ] || ip xfrm policy add src $LEFT4/32 dst $RIGHT4/32 proto udp dport $NATT_PORT \
			dir in priority 10
		lab-barrier "natt-$mode"
		if [ "$LAB_SIDE" = left ]; then
			t "NAT-T, $mode" grew tx_protected pings "$(target $mode 4)"
			t "NAT-T, $mode, TCP" "$here/traffic.py" tcp "$(target $mode 4)" $((300000 / LAB_SLOW))
		fi
		lab-barrier "natt-$mode-done" 120
		ipsec_down
		lab-barrier "natt-$mode-down"
	done
	[ "$LAB_SIDE" = left ] || kill "$pid"
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
else
	refusals
	more_refusals
	policy_refusals
fi
lab-barrier start 120
fail_closed
options
ports
lifetimes
icv_lengths
waiting
natt
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
