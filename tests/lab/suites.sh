#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Each transform that the device offers, against Linux's own on the other side: packet mode with each AEAD, each cipher and
# each authenticator, crypto mode with each AEAD.
# shellcheck disable=SC2016 # eval expands
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

BYTES=20000
id=0

# case_of TYPE SUITE MODE FAMILY KEYBYTES ESN
case_of() {
	local type=$1 mode=$3 family=$4 what="$1, $2, $3, IPv$4, $(($5 * 8)) bits, ESN $6" done_by=tx_protected
	[ "$type" = packet ] || done_by=tx_crypto
	id=$((id + 1))
	SUITE=$2
	ipsec_up $id "$type" "$mode" "$family" "$5" "$6"
	lab-barrier "suite-$id"
	if [ "$LAB_SIDE" = left ]; then
		t "$what: offloaded" eval '[ "$(ip xfrm state | grep -c "offload parameters:.*mode $type")" = 2 ]'
		t "$what: TCP both ways, by the device" grew $done_by "$here/traffic.py" tcp "$(target "$mode" "$family")" $BYTES
		t "$what: UDP of all sizes" "$here/traffic.py" udp "$(target "$mode" "$family")" 1 2 3 4 15 16 17 1200
	fi
	lab-barrier "suite-$id-done" 120
	ipsec_down
	lab-barrier "suite-$id-down"
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier start 120
case_of packet gmac transport 4 16 no
case_of packet ccm tunnel 6 32 esn
case_of packet chacha transport 6 32 esn
case_of packet cbc-sha256 tunnel 4 16 esn
case_of packet cbc-sha1 transport 4 32 no
case_of packet ctr-sha512 tunnel 4 24 no
case_of packet ctr-sha384 transport 6 16 esn
case_of packet 3des-md5 transport 4 24 no
case_of packet cbc-xcbc tunnel 6 24 no
case_of packet cbc-cmac transport 4 16 no
case_of packet null-sha256 transport 4 16 esn
case_of crypto gmac tunnel 4 32 esn
case_of crypto ccm transport 4 16 no
case_of crypto chacha tunnel 6 32 esn
lab-barrier end
[ "$LAB_SIDE" = right ] || exit "$tap_failed"
