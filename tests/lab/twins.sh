#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# States that come twice, under traffic: added again, updated, migrated, in packet and in crypto mode; a reset of the device in
# between; and many at once. What xfrm shows of all that must be true, and the wire never show a nonce twice.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

LEFT4_NEW=192.0.2.11 # where both move to
RIGHT4_NEW=192.0.2.12
MANY=300 # states and policies at once: the command ring has 128 slots
POLL_S=2.5 # after which xfrm knows what the device has counted
pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

# traffic_start ADDRESS / traffic_stop: TCP both ways again and again, every byte compared
traffic_start() {
	rm -f /tmp/traffic.*
	(
		while [ ! -e /tmp/traffic.stop ]; do
			if "$here/traffic.py" tcp "$1" 300000 >>/tmp/traffic.said 2>&1; then
				echo >>/tmp/traffic.good
			else
				echo >>/tmp/traffic.bad
			fi
		done
		: >/tmp/traffic.done
	) &
	sleep 1
}

traffic_stop() {
	local _
	: >/tmp/traffic.stop
	for _ in $(seq $((300 * LAB_SLOW))); do
		[ ! -e /tmp/traffic.done ] || break
		sleep 0.1
	done
	[ -e /tmp/traffic.done ] && [ ! -e /tmp/traffic.bad ] && [ -s /tmp/traffic.good ] && return
	cat /tmp/traffic.said
	return 1
}

is() { # WORD VALUE
	[ "$1" = "$2" ] || { echo "$1 instead of $2"; return 1; }
}

stat_is() { # NAME VALUE
	is "$(nic_stat "$1")" "$2"
}

out_again() { # ID TYPE MODE ESN
	sa_one "$2" out $LEFT4 $RIGHT4 $((0x1000 + $1)) "$1" "$3" 16 "$4"
}

in_again() {
	sa_one "$2" in $RIGHT4 $LEFT4 $((0x2000 + $1)) "$1" "$3" 16 "$4"
}

again() { # ID TYPE MODE ESN
	local what="$2 mode, $3"
	refused "$what: the state again, outbound" "File exists" out_again "$@"
	refused "$what: the state again, inbound" "File exists" in_again "$@"
	t "$what: traffic goes on" pings "$(target "$3" 4)"
	SA_COMMAND=update EXTRA_STATE="limit packet-hard 900000 limit byte-hard 900000000" t "$what: update, outbound" out_again "$@"
	SA_COMMAND=update EXTRA_STATE="limit packet-hard 900001" t "$what: update, inbound" in_again "$@"
	t "$what: xfrm has the new limits" eval 'ip xfrm state list | grep -q "hard 900000(packets)\|900001"; ip -s xfrm state | grep -q 900001'
	t "$what: traffic goes on after the update" pings "$(target "$3" 4)"
	t "$what: two SAs are left" eventually stat_is ipsec_sas 2
}

# Linux 7.2 refuses both kinds of migration of an offloaded state before it asks the driver: see docs/offload-matrix.md
no_migration() { # ID TYPE MODE
	refused "$2 mode, $3: MIGRATE_STATE is refused" "Type doesn't support offload" \
		"$here/xfrm.py" migrate-state $((0x1000 + $1)) $RIGHT4 $LEFT4 $RIGHT4 "$1"
	t "$2 mode, $3: and the states are as before" eval '[ "$(ip xfrm state | grep -c "offload parameters:.*mode '"$2"'")" = 2 ]'
	t "$2 mode, $3: traffic goes on" pings "$(target "$3" 4)"
}

# ae SPI DST: what XFRM_MSG_GETAE says, in shell variables
ae() {
	local said
	said=$("$here/xfrm.py" getae "$@") || return 1
	eval "$said"
}

# shown: GETAE of both sides once traffic has stopped: each count is the peer's, each window full
# shellcheck disable=SC2154 # ae sets them
shown() { # ID MODE [counted]
	local out=$((0x1000 + $1)) in=$((0x2000 + $1)) oseq packets window
	sleep $POLL_S
	if [ "$LAB_SIDE" = right ]; then
		"$here/xfrm.py" getae $out $RIGHT4 | sed 's/^/to_/' >"/out/right.$1"
		"$here/xfrm.py" getae $in $LEFT4 | sed 's/^/from_/' >>"/out/right.$1"
		lab-barrier "shown-$1"
		return
	fi
	lab-barrier "shown-$1"
	# shellcheck disable=SC1090
	. "/out/right.$1"
	ae $out $RIGHT4
	t "GETAE, $2: numbers sent are those the peer has taken" is "$oseq" "$to_seq"
	if [ "$3" = counted ]; then
		t "GETAE, $2: packets sent, by the peer's count" is "$packets" "$to_packets"
		# Transport mode: Linux's software counts a received packet without its IP header
		t "GETAE, $2: bytes sent, by the peer's count" is "$bytes" $((to_bytes + to_packets * 20))
	fi
	t "GETAE, $2: first use is known" test "$use_time" -ge "$add_time"
	ae $in $LEFT4
	t "GETAE, $2: numbers taken are those the peer has sent" is "$seq" "$from_oseq"
	t "GETAE, $2: the window is full" is "$window" 0xffffffffffffffffffffffffffffffff
	t "GETAE, $2: first use of the inbound state" test "$use_time" -ge "$add_time"
}

packet_mode() {
	ipsec_up 1 packet transport 4 16 esn
	covered packet $LEFT4/32 $RIGHT4/32
	lab-barrier packet-up
	if [ "$LAB_SIDE" = left ]; then
		traffic_start $RIGHT4
		again 1 packet transport esn
		no_migration 1 packet transport
		t "packet mode: no transfer was hurt" traffic_stop
		resets
	fi
	lab-barrier packet-done 180
	uncovered packet
	ipsec_down
	lab-barrier packet-down
}

# Counted exactly over a reset that the driver knows of; numbers go on behind the lease
resets() {
	local packets before oseq seq_before
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	before=$packets seq_before=$oseq
	traffic_start $RIGHT4
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
	t "reset: traffic goes on by itself" traffic_stop
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	t "reset: numbers go on, not back" test "$oseq" -gt "$seq_before"
	before=$packets seq_before=$oseq
	t "reset: ten packets" ping -n -q -c 10 -i 0.05 -W 2 $RIGHT4
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
	t "reset: and ten more" eventually ping -n -q -c 10 -i 0.05 -W 2 $RIGHT4
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	t "reset: every packet was counted" test "$packets" -ge $((before + 20))
	t "reset: the number is the lease's" test "$oseq" -gt $((seq_before + 20))
	ae 0x2001 $LEFT4
	t "reset: the window is full" is "$window" 0xffffffffffffffffffffffffffffffff
}

truth() {
	ipsec_up 2 packet transport 4 16 esn
	lab-barrier truth-up
	if [ "$LAB_SIDE" = left ]; then
		t "TCP" "$here/traffic.py" tcp $RIGHT4 200000
		t "UDP" "$here/traffic.py" udp $RIGHT4 1 100 1000 1 1 1 1 1
	fi
	lab-barrier truth-done 120
	shown 2 "packet mode" counted
	ipsec_down
	lab-barrier truth-down
}

crypto_mode() {
	ipsec_up 3 crypto transport 4 16 esn
	covered crypto $LEFT4/32 $RIGHT4/32
	lab-barrier crypto-up
	if [ "$LAB_SIDE" = left ]; then
		traffic_start $RIGHT4
		again 3 crypto transport esn
		no_migration 3 crypto transport
		t "crypto mode: no transfer was hurt" traffic_stop
		t "crypto mode: no packet was dropped as sent twice" stat_is ipsec_tx_drop_twice 0
	fi
	lab-barrier crypto-done 180
	shown 3 "crypto mode" ""
	uncovered crypto
	ipsec_down
	lab-barrier crypto-down
}

# templates TYPE SRC DST DIR OUTER_SRC OUTER_DST REQID: new ones for a policy
templates() {
	# shellcheck disable=SC2046 # words on purpose
	ip xfrm policy update src "$2" dst "$3" dir "$4" priority 100 $(offload_policy "$1") \
		tmpl src "$5" dst "$6" proto esp reqid "$7" mode tunnel
}

# Both ends of a tunnel move to other addresses with the keys they have: the right by XFRM_MSG_MIGRATE, the left by second states,
# which stay dormant until the first are deleted
moves() {
	# shellcheck disable=SC2046
	ip address add $([ "$LAB_SIDE" = left ] && echo $LEFT4_NEW || echo $RIGHT4_NEW)/24 dev eth0
	ipsec_up 4 packet tunnel 4 16 esn
	covered moves $LEFT4_IN/32 $RIGHT4_IN/32
	lab-barrier moves-up
	if [ "$LAB_SIDE" = left ]; then
		traffic_start $RIGHT4_IN
		t "moves: second states of both directions" eval 'sa_one packet out $LEFT4_NEW $RIGHT4_NEW $((0x1004)) 4 tunnel 16 esn &&
			sa_one packet in $RIGHT4_NEW $LEFT4_NEW $((0x2004)) 4 tunnel 16 esn'
		t "moves: both are dormant" stat_is ipsec_sa_awoken 0
		t "moves: traffic goes on by the first" grew tx_protected pings $RIGHT4_IN
		refused "moves: a key of another SPI" "another state in the device has this key and salt" \
			ip xfrm state add src $LEFT4 dst $RIGHT4_NEW proto esp spi 0x9999 reqid 4 mode tunnel \
			aead 'rfc4106(gcm(aes))' "$(key $((0x1004)) 20)" 128 offload packet dev eth0 dir out
		refused "moves: a key of the other type of offload" "" \
			ip xfrm state add src $LEFT4 dst $LEFT4_NEW proto esp spi $((0x1004)) reqid 4 mode tunnel \
			aead 'rfc4106(gcm(aes))' "$(key $((0x1004)) 20)" 128 offload crypto dev eth0 dir out
		lab-barrier moves-twins
		t "moves: new templates" eval 'templates packet $LEFT4_IN/32 $RIGHT4_IN/32 out $LEFT4_NEW $RIGHT4_NEW 4 &&
			templates packet $RIGHT4_IN/32 $LEFT4_IN/32 in $RIGHT4_NEW $LEFT4_NEW 4'
		t "moves: the first states go" eval 'ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((0x1004)) &&
			ip xfrm state delete src $RIGHT4 dst $LEFT4 proto esp spi $((0x2004))'
		t "moves: the second take over" eventually stat_is ipsec_sa_awoken 2
		lab-barrier moves-done 120
		t "moves: traffic goes on" eventually pings $RIGHT4_IN
		t "moves: by the device" grew tx_protected pings $RIGHT4_IN
		t "moves: no transfer was hurt" traffic_stop
	else
		lab-barrier moves-twins 120
		"$here/xfrm.py" migrate in $LEFT4_IN/32 $RIGHT4_IN/32 tunnel 4 $LEFT4 $RIGHT4 $LEFT4_NEW $RIGHT4_NEW none || exit 1
		"$here/xfrm.py" migrate out $RIGHT4_IN/32 $LEFT4_IN/32 tunnel 4 $RIGHT4 $LEFT4 $RIGHT4_NEW $LEFT4_NEW none || exit 1
		lab-barrier moves-done
	fi
	lab-barrier moves-end 120
	uncovered moves
	ipsec_down
	lab-barrier moves-down
}

# In crypto mode the numbers are Linux's: of a second state that begins anew, those that the first has used are not let out
numbers() {
	ipsec_up 6 crypto tunnel 4 16 no
	lab-barrier numbers-up
	if [ "$LAB_SIDE" = left ]; then
		t "numbers: traffic" ping -n -q -c 20 -i 0.02 -W 2 $RIGHT4_IN
		t "numbers: a second state" eval 'sa_one crypto out $LEFT4_NEW $RIGHT4_NEW $((0x1006)) 6 tunnel 16 no'
		t "numbers: for the policy" templates crypto $LEFT4_IN/32 $RIGHT4_IN/32 out $LEFT4_NEW $RIGHT4_NEW 6
		t "numbers: while the first lives, the second is not let out" grew ipsec_tx_drop_dormant no_ping $RIGHT4_IN
		t "numbers: the first goes" ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((0x1006))
		t "numbers: the second takes over" eventually stat_is ipsec_sa_awoken 3
		t "numbers: but begins with those of the first" grew ipsec_tx_drop_twice no_ping $RIGHT4_IN
		# Nobody answers there
		t "numbers: and goes on behind them" grew tx_crypto no_ping -c 60 -i 0.02 -W 1 $RIGHT4_IN
	fi
	lab-barrier numbers-done 120
	ipsec_down
	lab-barrier numbers-down
}

out_gone() { # ID
	ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((0x1000 + $1))
}

out_offloaded() { # ID
	ip xfrm state get src $LEFT4 dst $RIGHT4 proto esp spi $((0x1000 + $1)) | grep -q "offload parameters"
}

device_reset() {
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
}

# goes_on WHAT COMMAND...: the outbound state of packet mode is deleted, the command run, and the state added as it was first
goes_on() {
	local what="keys, packet mode$1" before oseq
	shift
	t "$what: traffic" ping -n -q -c 10 -i 0.02 -W 2 $RIGHT4
	sleep $POLL_S
	ae 0x1007 $RIGHT4
	before=$oseq
	t "$what: the state goes" out_gone 7
	t "$what: meanwhile" "$@"
	t "$what: and comes again" eventually eval '(out_again 7 packet transport esn)'
	sleep $POLL_S
	ae 0x1007 $RIGHT4
	t "$what: not below what was sent" test "$oseq" -ge "$before"
	t "$what: traffic goes on" eventually pings $RIGHT4
}

# stays_out WHAT COMMAND...: the same in crypto mode, where the state stays in software
stays_out() {
	local what="keys, crypto mode$1"
	shift
	t "$what: the state goes" out_gone 8
	t "$what: meanwhile" "$@"
	says "$what: it is refused" "this key has sent higher numbers by the device: it needs a new one" \
		out_again 8 crypto transport esn
	t "$what: and is not offloaded" eval '! out_offloaded 8'
}

# A state that is deleted and added again as it was first: its key has sent numbers, which the wire must not show again
keys() {
	local sent
	ipsec_up 7 packet transport 4 16 esn
	lab-barrier keys-packet
	if [ "$LAB_SIDE" = left ]; then
		goes_on "" true
		goes_on " over a reset" device_reset
	fi
	lab-barrier keys-packet-done 180
	ipsec_down
	lab-barrier keys-crypto
	ipsec_up 8 crypto transport 4 16 esn
	lab-barrier keys-crypto-up
	if [ "$LAB_SIDE" = left ]; then
		t "keys, crypto mode: traffic" grew tx_crypto ping -n -q -c 10 -i 0.02 -W 2 $RIGHT4
		stays_out "" true
		sent=$(nic_stat tx_crypto)
		# The first ten again, which the peer drops, but with other IVs
		t "keys, crypto mode: traffic by software" ping -n -q -c 30 -i 0.02 -W 2 $RIGHT4
		t "keys, crypto mode: none by the device" stat_is tx_crypto "$sent"
		stays_out " over a reset" device_reset
		t "keys, crypto mode: the state goes" out_gone 8
		EXTRA_STATE="replay-oseq 1000" t "keys, crypto mode: it comes with a higher number" out_again 8 crypto transport esn
		t "keys, crypto mode: and is offloaded" out_offloaded 8
		t "keys, crypto mode: traffic by the device again" grew tx_crypto pings $RIGHT4
	fi
	lab-barrier keys-crypto-done 180
	ipsec_down
	lab-barrier keys-down
}

# A packet meets a policy without a state: xfrm asks, an IKE daemon (this) brings the states
acquires() {
	local clear
	if [ "$LAB_SIDE" = left ]; then
		policy_one packet out $LEFT4/32 $RIGHT4/32 5 transport $LEFT4 $RIGHT4
		policy_one packet in $RIGHT4/32 $LEFT4/32 5 transport $RIGHT4 $LEFT4
		ip xfrm monitor acquire >/tmp/acquire &
		sleep 0.5
		clear=$(nic_stat tx_bypass)
		ping -n -q -c 1 -W 1 $RIGHT4 >/dev/null
		t "acquire: xfrm asks" eventually grep -q "^acquire" /tmp/acquire
		t "acquire: a placeholder in the driver" stat_is ipsec_sa_acquires 1
		t "acquire: nothing left" stat_is tx_bypass "$clear"
		kill $!
		sa_one packet out $LEFT4 $RIGHT4 $((0x1005)) 5 transport 16 no
		sa_one packet in $RIGHT4 $LEFT4 $((0x2005)) 5 transport 16 no
		lab-barrier acquire
		t "acquire: answered, traffic goes" eventually pings $RIGHT4
	else
		ipsec_up 5 packet transport 4 16 no
		lab-barrier acquire
	fi
	lab-barrier acquire-done
	ipsec_down
	lab-barrier acquire-down
}

# Deletion is atomic in Linux and a command here. As many at once as the ring does not hold.
many() {
	local i
	for i in $(seq $MANY); do
		echo "xfrm state add src $LEFT4 dst $RIGHT4 proto esp spi $((0x10000 + i)) reqid $((1000 + i)) mode transport" \
			"aead rfc4106(gcm(aes)) 0x$(printf '%040d' "$i") 128 offload packet dev eth0 dir out"
		echo "xfrm policy add src $LEFT4/32 dst 203.0.113.$((i % 250 + 1))/32 proto udp dport $i dir out offload packet" \
			"dev eth0 tmpl proto esp reqid $((1000 + i)) mode transport"
	done >/tmp/many
	t "many: states and policies" ip -batch /tmp/many
	t "many: all are there" eval "stat_is ipsec_sas $MANY && stat_is ipsec_policies $MANY"
	t "many: flush of states, with other commands beside it" eval 'ethtool -S eth0 >/dev/null & ip xfrm state flush && wait'
	t "many: flush of policies" ip xfrm policy flush
	t "many: every state is gone" eventually stat_is ipsec_sas 0
	t "many: every policy is gone" eventually stat_is ipsec_policies 0
	t "many: no command was late or lost" eval 'stat_is cmd_timeouts 0 && stat_is cmd_bad_cpl 0'
	t "many: and the device was not reset for it" stat_is cmd_resets "$1"
}

# A state is added while the offload is turned off: one of both is refused
toggles() {
	local i wrong=0 off=0
	for i in $(seq 20); do
		(sa_one packet out $LEFT4 $RIGHT4 $((0x20000 + i)) 90 transport 16 no) &
		ethtool -K eth0 esp-hw-offload off
		wait $!
		if ethtool -k eth0 | grep -q '^esp-hw-offload: off'; then
			off=$((off + 1))
			[ -z "$(ip xfrm state)" ] && stat_is ipsec_sas 0 || wrong=$((wrong + 1))
		fi
		ip xfrm state flush
		eventually stat_is ipsec_sas 0
		ethtool -K eth0 esp-hw-offload on
	done >/dev/null 2>&1
	t "toggles: no state in a NIC whose offload is off ($off times)" is $wrong 0
	ethtool -K eth0 esp-hw-offload off
	refused "toggles: no state when it is off" "esp-hw-offload of this interface is off" \
		out_again 9 packet transport no
	refused "toggles: nor a policy" "esp-hw-offload of this interface is off" \
		policy_one packet out $LEFT4/32 203.0.113.99/32 9 transport $LEFT4 203.0.113.99
	t "toggles: other features change meanwhile" eval 'ethtool -K eth0 rx off && ethtool -K eth0 rx on'
	refused "toggles: and still none" "esp-hw-offload of this interface is off" out_again 9 packet transport no
	ethtool -K eth0 esp-hw-offload on
	t "toggles: on again" eval '(out_again 9 packet transport no) && ip xfrm state flush'
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
packet_mode
truth
crypto_mode
moves
numbers
keys
acquires
[ "$LAB_SIDE" = right ] || { toggles; many 4; }
lab-barrier end 120
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
