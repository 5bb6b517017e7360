#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Linux over the Verilated engine (espnic-device --engine rtl): ping and TCP through AES-GCM and GMAC in packet offload, against
# Linux's own on the other side, and what the RTL lacks seen as what the device lacks.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

BYTES=60000
id=0

# case_of SUITE MODE FAMILY KEYBYTES ESN
case_of() {
	local mode=$2 family=$3 what="$1, $2, IPv$3, $(($4 * 8)) bits, ESN $5" peer
	id=$((id + 1))
	SUITE=$1
	ipsec_up $id packet "$mode" "$family" "$4" "$5"
	lab-barrier "rtl-$id"
	if [ "$LAB_SIDE" = left ]; then
		peer=$(target "$mode" "$family")
		t "$what: offloaded" eval '[ "$(ip xfrm state | grep -c "offload parameters:.*mode packet")" = 2 ]'
		t "$what: ping" grew tx_protected pings "$peer"
		t "$what: ping of 1,300 bytes" grew rx_unprotected pings -s 1300 "$peer"
		t "$what: TCP both ways" grew tx_protected "$here/traffic.py" tcp "$peer" $BYTES
		t "$what: UDP of all sizes" "$here/traffic.py" udp "$peer" 1 2 3 4 15 16 17 31 32 33 1200
	fi
	lab-barrier "rtl-$id-done" 240
	ipsec_down
	lab-barrier "rtl-$id-down"
}

# state TYPE WORDS...: an outbound transport state
state() {
	local type=$1
	shift
	ip xfrm state add src $LEFT4 dst $RIGHT4 proto esp spi 0x9000 reqid 9 mode transport "$@" offload "$type" dev eth0 dir out
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
if [ "$LAB_SIDE" = left ]; then
	t "the device's engine is the RTL" shows "rtl" devlink dev info
fi
case_of gcm transport 4 16 no
case_of gcm tunnel 4 16 no
case_of gcm transport 4 32 esn
case_of gcm tunnel 6 32 esn
case_of gcm tunnel 6in4 24 no
case_of gmac transport 4 16 no
if [ "$LAB_SIDE" = left ]; then
	refused "ChaCha20-Poly1305" "the device lacks this transform" \
		state packet aead 'rfc7539esp(chacha20,poly1305)' "$(key refused 36)" 128
	refused "AES-CBC" "the device lacks this transform" \
		state packet enc 'cbc(aes)' "$(key c 16)" auth-trunc 'hmac(sha256)' "$(key a 32)" 128
	refused "inbound, transport, IPv6: its selector may end behind headers that are encrypted" "the device's engine refuses the SA" \
		ip xfrm state add src $RIGHT6 dst $LEFT6 proto esp spi 0x9001 reqid 9 mode transport replay-window 32 \
		aead 'rfc4106(gcm(aes))' "$(key refused 20)" 128 offload packet dev eth0 dir in
	t "crypto offload: the kernel's software instead" eval 'state crypto aead "rfc4106(gcm(aes))" "$(key soft 20)" 128 &&
		! ip xfrm state | grep -q "offload parameters:"'
	ip xfrm state flush
	for counter in rx_drop_integrity rx_drop_replay rx_drop_malformed tx_drop_malformed; do
		t "nothing in $counter" eval '[ "$(nic_stat "$counter")" = 0 ]'
	done
fi
lab-barrier end
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
