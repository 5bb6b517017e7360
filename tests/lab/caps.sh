#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The driver on a device that lacks the capabilities HIDDEN (lab/run --hide-caps): it does without, or refuses in words; what
# it says of numbers and counts stays true, and the wire never shows a nonce twice.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

POLL_S=2.5 # after which xfrm knows what the device has counted
JUMP=$((1 << 20)) # ESPNIC_SEQ_JUMP_MIN: how far numbers go on after a reset that no lease bridges
EXISTS="the device has this SA already: delete it first"
pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

has() { # CAPABILITY
	case ",$HIDDEN," in *",$1,"*) return 1 ;; esac
}

# ae SPI DST: what XFRM_MSG_GETAE says, in shell variables
ae() {
	local said
	said=$("$here/xfrm.py" getae "$@") || return 1
	eval "$said"
}

stat_is() { # NAME VALUE
	local value
	value=$(nic_stat "$1")
	[ "$value" = "$2" ] || { echo "$1 is $value"; return 1; }
}

out_again() { # ID TYPE
	sa_one "$2" out $LEFT4 $RIGHT4 $((0x1000 + $1)) "$1" transport 16 esn
}

out_gone() { # ID
	ip xfrm state delete src $LEFT4 dst $RIGHT4 proto esp spi $((0x1000 + $1))
}

device_reset() {
	echo 1 >"/sys/bus/pci/devices/$pci/reset"
}

# Second states of a key: dormant in a device that has DORMANT, else not taken
# shellcheck disable=SC2154 # ae sets them
twins() { # ID TYPE
	local what="$2 mode" before
	if has DORMANT; then
		refused "$what: the state again" "File exists" out_again "$@"
		sleep $POLL_S
		ae $((0x1000 + $1)) $RIGHT4
		before=$packets
		SA_COMMAND=update EXTRA_STATE="limit packet-hard 900000" t "$what: update" out_again "$@"
		t "$what: xfrm has the new limit" eval 'ip -s xfrm state | grep -q "hard 900000(packets)"'
		t "$what: ten packets" ping -n -q -c 10 -i 0.05 -W 2 $RIGHT4
		sleep $POLL_S
		ae $((0x1000 + $1)) $RIGHT4
		t "$what: all are counted" test "$packets" -eq $((before + 10))
	else
		refused "$what: the state again" "$EXISTS" out_again "$@"
		SA_COMMAND=update EXTRA_STATE="limit packet-hard 900000" refused "$what: update" "$EXISTS" out_again "$@"
		t "$what: xfrm has the limit it had" eval '! ip -s xfrm state | grep -q "hard 900000(packets)"'
	fi
	t "$what: traffic goes on" pings $RIGHT4
	t "$what: two SAs are in the device" eventually stat_is ipsec_sas 2
}

# A state over its soft limit is second choice, until an update lifts the limit: with REVIVE first choice again
dying() {
	has DORMANT || return 0
	out_gone 1
	EXTRA_STATE="limit packet-soft 3" t "soft limit: a state that has one" out_again 1 packet
	t "soft limit: traffic beyond it" ping -n -q -c 8 -i 0.05 -W 2 $RIGHT4
	t "soft limit: the state is over it" eventually grep -q "hard 0" /tmp/expire
	SA_COMMAND=update EXTRA_STATE="limit packet-soft 900000" t "soft limit: lifted" out_again 1 packet
	sleep $POLL_S
	t "soft limit: traffic goes on" pings $RIGHT4
	t "soft limit: by the device" grew tx_protected pings $RIGHT4
}

# shellcheck disable=SC2154
# numbers_after WHAT BEFORE: numbers went on behind what may have been sent: by the lease, or by a guess that is on the safe side
numbers_after() {
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	if has SEQ_LEASE; then
		t "$1: numbers go on behind the lease" test "$oseq" -gt "$2" -a "$oseq" -lt $(($2 + JUMP))
	else
		t "$1: numbers go on behind all that may have been sent" test "$oseq" -ge $(($2 + JUMP))
	fi
}

resets() {
	local before
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	before=$oseq
	device_reset
	t "reset: traffic goes on by itself" eventually pings $RIGHT4
	numbers_after reset "$before"
	before=$oseq
	t "keys: the state goes" out_gone 1
	device_reset
	t "keys: and comes again after a reset" eventually eval '(out_again 1 packet)'
	t "keys: traffic goes on" eventually pings $RIGHT4
	sleep $POLL_S
	ae 0x1001 $RIGHT4
	t "keys: with no number below those sent" test "$oseq" -gt "$before"
}

packet_mode() {
	ipsec_up 1 packet transport 4 16 esn
	covered packet $LEFT4/32 $RIGHT4/32
	lab-barrier packet-up
	if [ "$LAB_SIDE" = left ]; then
		ip xfrm monitor expire >/tmp/expire &
		t "packet mode: TCP, by the device" grew tx_protected "$here/traffic.py" tcp $RIGHT4 100000
		twins 1 packet
		dying
		resets
		kill %1
	fi
	lab-barrier packet-done 180
	uncovered packet
	ipsec_down
	lab-barrier packet-down
}

crypto_mode() {
	ipsec_up 3 crypto transport 4 16 esn
	covered crypto $LEFT4/32 $RIGHT4/32
	lab-barrier crypto-up
	if [ "$LAB_SIDE" = left ]; then
		t "crypto mode: TCP, by the device" grew tx_crypto "$here/traffic.py" tcp $RIGHT4 100000
		device_reset
		t "crypto mode: after a reset traffic goes on by itself" eventually pings $RIGHT4
		t "crypto mode: by the device" grew tx_crypto pings $RIGHT4
	fi
	lab-barrier crypto-done 180
	uncovered crypto
	ipsec_down
	lab-barrier crypto-down
}

# Without TX_PROTECT packets that wait while their policy is deleted would leave in clear: no packet mode at all
no_packet_mode() {
	refused "packet mode: a state" "the device lacks this type of offload" out_again 1 packet
	refused "packet mode: a policy: by Linux itself" "" ip xfrm policy add src $LEFT4/32 dst $RIGHT4/32 dir out \
		offload packet dev eth0 tmpl src $LEFT4 dst $RIGHT4 proto esp reqid 1 mode transport
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
if [ "$LAB_SIDE" = left ]; then
	t "without $HIDDEN: clear traffic" pings $RIGHT4
fi
resets=1
if has TX_PROTECT; then
	packet_mode
	resets=3
elif [ "$LAB_SIDE" = left ]; then
	no_packet_mode
fi
crypto_mode
if [ "$LAB_SIDE" = left ]; then
	t "no command was late or lost" eval 'stat_is cmd_timeouts 0 && stat_is cmd_bad_cpl 0'
	t "and the device was not reset but by the test" stat_is cmd_resets "$resets"
fi
lab-barrier end 120
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
