# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the scripts that run in the guests share: IPsec set-up alike on both sides, traffic, checks.
# A guest knows itself by LAB_SIDE (left, right), LAB_NIC, LAB_PEER4, LAB_PEER6 (see lab/run --help).

LEFT4=192.0.2.1
RIGHT4=192.0.2.2
LEFT6=2001:db8::1
RIGHT6=2001:db8::2
# Inner addresses of the tunnels
LEFT4_IN=198.51.100.1
RIGHT4_IN=203.0.113.1
LEFT6_IN=2001:db8:a::1
RIGHT6_IN=2001:db8:b::1
ICV_BITS=128

die() {
	echo "FAIL $*" >&2
	exit 1
}

# key NAME BYTES: a key for tests, from its name; both sides derive the same
key() {
	printf '0x%s' "$(printf '%s' "espnic test key $1" | sha512sum | cut -c "1-$((2 * $2))")"
}

# on_espnic: does this side have the NIC under test?
on_espnic() {
	[ "$LAB_NIC" = espnic ]
}

# offload_state TYPE DIR: direction and offload for `ip xfrm state`; TYPE none, crypto or packet
offload_state() {
	case $1-$LAB_NIC in
	crypto-espnic | packet-espnic) echo "offload $1 dev eth0 dir $2" ;;
	*) echo "dir $2" ;;
	esac
}

offload_policy() {
	if on_espnic && [ "$1" = packet ]; then
		echo "offload packet dev eth0"
	fi
}

NO_KEY=no-key # stands for an empty word

# suite SPI KEYBYTES: the words for `ip xfrm state` of SUITE (gcm if unset), keys made of the SPI. Ciphers and AEADs take
# keys of KEYBYTES where they can.
suite() {
	local aead salt=4 enc auth
	case ${SUITE:-gcm} in
	gcm) aead='rfc4106(gcm(aes))' ;;
	gmac) aead='rfc4543(gcm(aes))' ;;
	ccm) aead='rfc4309(ccm(aes))' salt=3 ;;
	chacha) aead='rfc7539esp(chacha20,poly1305)' && set -- "$1" 32 ;;
	*)
		auth=${SUITE#*-}
		case ${SUITE%-*} in
		cbc) enc="cbc(aes) $(key "$1" "$2")" ;;
		ctr) enc="rfc3686(ctr(aes)) $(key "$1" $(($2 + 4)))" ;;
		3des) enc="cbc(des3_ede) $(key "$1" 24)" ;;
		null) enc="ecb(cipher_null) $NO_KEY" ;;
		*) die "suite $SUITE" ;;
		esac
		case $auth in
		md5) auth="hmac(md5) $(key "a$1" 16) 96" ;;
		sha1) auth="hmac(sha1) $(key "a$1" 20) 96" ;;
		sha256) auth="hmac(sha256) $(key "a$1" 32) 128" ;;
		sha384) auth="hmac(sha384) $(key "a$1" 48) 192" ;;
		sha512) auth="hmac(sha512) $(key "a$1" 64) 256" ;;
		xcbc | cmac) auth="$auth(aes) $(key "a$1" 16) 96" ;;
		*) die "suite $SUITE" ;;
		esac
		echo "enc $enc auth-trunc $auth"
		return
		;;
	esac
	echo "aead $aead $(key "$1" $(($2 + salt))) $ICV_BITS"
}

# sa_one TYPE DIR SRC DST SPI REQID MODE KEYBYTES ESN: one SA; the words of EXTRA_STATE go in as they are.
# af-unspec: a tunnel takes inner packets of either family. SA_COMMAND: add, or update.
sa_one() {
	local flags=() window=32 algs
	# shellcheck disable=SC2207 # words on purpose
	algs=($(suite "$5" "$8"))
	[ "$7" != tunnel ] || flags=(flag af-unspec)
	if [ "$9" = esn ]; then
		flags=(flag esn "${flags[@]:1}")
		window=128
	fi
	# Linux knows the direction of a state, and has a window for inbound ones alone
	[ "$2" = in ] || window=0
	# shellcheck disable=SC2046,SC2086 # words on purpose
	ip xfrm state "${SA_COMMAND:-add}" src "$3" dst "$4" proto esp spi "$5" reqid "$6" mode "$7" \
		replay-window "$window" "${flags[@]}" \
		"${algs[@]/#$NO_KEY/}" \
		${EXTRA_STATE:-} $(offload_state "$1" "$2") || die "state add $*"
}

# policy_one TYPE DIR SRC DST REQID MODE TSRC TDST
policy_one() {
	# shellcheck disable=SC2046
	ip xfrm policy add src "$3" dst "$4" dir "$2" priority 100 $(offload_policy "$1") \
		tmpl src "$7" dst "$8" proto esp reqid "$5" mode "$6" || die "policy add $*"
}

# block_one DIR SRC DST: what no other policy lets through stays in, whatever becomes of the NIC's.
# Prefixes are one bit shorter: Linux takes no two policies of one selector, whatever their priorities.
block_one() {
	ip xfrm policy add src "${2%/*}/$((${2#*/} - 1))" dst "${3%/*}/$((${3#*/} - 1))" dir "$1" \
		action block priority 4000000000 || die "block $*"
}

# ndp_bypass TYPE: neighbour discovery must go on in clear, or no address is ever resolved
ndp_bypass() {
	local dir type
	for dir in in out; do
		for type in 135 136; do
			# shellcheck disable=SC2046
			ip xfrm policy add src ::/0 dst ::/0 proto ipv6-icmp type "$type" dir "$dir" \
				priority 10 $(offload_policy "$1") || die "ndp bypass $dir $type"
		done
	done
}

# ipsec_up ID TYPE MODE FAMILY KEYBYTES ESN: SAs and policies of one phase, on this side.
# FAMILY: 4, 6, 4in6, 6in4 (tunnels). SPIs are 0x1000+ID (to the right), 0x2000+ID (to the left).
ipsec_up() {
	local id=$1 type=$2 mode=$3 family=$4 keybytes=$5 esn=$6
	local l=$LEFT4 r=$RIGHT4 lsel rsel out in me peer my_sel peer_sel
	case $family in 6 | 4in6) l=$LEFT6 r=$RIGHT6 ;; esac
	case $mode-$family in
	transport-4) lsel=$l/32 rsel=$r/32 ;;
	transport-6) lsel=$l/128 rsel=$r/128 ;;
	tunnel-4 | tunnel-4in6) lsel=$LEFT4_IN/32 rsel=$RIGHT4_IN/32 ;;
	tunnel-6 | tunnel-6in4) lsel=$LEFT6_IN/128 rsel=$RIGHT6_IN/128 ;;
	esac
	if [ "$LAB_SIDE" = left ]; then
		out=$((0x1000 + id)) in=$((0x2000 + id)) me=$l peer=$r my_sel=$lsel peer_sel=$rsel
	else
		out=$((0x2000 + id)) in=$((0x1000 + id)) me=$r peer=$l my_sel=$rsel peer_sel=$lsel
	fi
	if [ "$mode" = tunnel ]; then
		inner_up "$family" "$my_sel" "$peer_sel"
	fi
	sa_one "$type" out "$me" "$peer" "$out" "$id" "$mode" "$keybytes" "$esn"
	sa_one "$type" in "$peer" "$me" "$in" "$id" "$mode" "$keybytes" "$esn"
	[ "$family" = 4 ] || ndp_bypass "$type"
	block_one out "$my_sel" "$peer_sel"
	block_one in "$peer_sel" "$my_sel"
	policy_one "$type" out "$my_sel" "$peer_sel" "$id" "$mode" "$me" "$peer"
	policy_one "$type" in "$peer_sel" "$my_sel" "$id" "$mode" "$peer" "$me"
}

# For tunnels across families Linux looks the outer destination up in the inner family (xfrm_bundle_create()), so
# that family needs a default route for packet offload to find its way.
# inner_up FAMILY MINE PEERS: inner address, and the route to the peer's through the wire. The address is on
# eth0, not lo: with packet offload Linux resolves the inner destination of its own traffic as a neighbour, and
# IPv6 answers for addresses of the interface alone.
inner_up() {
	case $1 in
	4 | 4in6)
		ip addr add "$2" dev eth0
		ip route replace "$3" dev eth0 src "${2%/*}"
		[ "$1" = 4 ] || ip route replace default dev eth0
		;;
	*)
		ip -6 addr add "$2" dev eth0 nodad
		ip -6 route replace "$3" dev eth0 src "${2%/*}"
		[ "$1" = 6 ] || ip -6 route replace default dev eth0
		;;
	esac
}

ipsec_down() {
	local addr
	ip xfrm policy flush
	ip xfrm state flush
	ip route del default dev eth0 2>/dev/null
	ip -6 route del default dev eth0 2>/dev/null
	for addr in $LEFT4_IN $RIGHT4_IN; do
		ip route del "$addr/32" dev eth0 2>/dev/null
		ip addr del "$addr/32" dev eth0 2>/dev/null
	done
	for addr in $LEFT6_IN $RIGHT6_IN; do
		ip -6 route del "$addr/128" dev eth0 2>/dev/null
		ip -6 addr del "$addr/128" dev eth0 2>/dev/null
	done
	return 0
}

# target MODE FAMILY: the peer's address for traffic of a phase, seen from the left
target() {
	case $1-$2 in
	transport-4) echo $RIGHT4 ;;
	transport-6) echo $RIGHT6 ;;
	tunnel-4 | tunnel-4in6) echo $RIGHT4_IN ;;
	*) echo $RIGHT6_IN ;;
	esac
}

# xfrm_stat NAME: a counter of /proc/net/xfrm_stat
xfrm_stat() {
	awk -v name="$1" '$1 == name { print $2 }' /proc/net/xfrm_stat
}

# nic_stat NAME: a counter of ethtool -S
nic_stat() {
	ethtool -S eth0 | awk -v name="$1:" '$1 == name { print $2; found = 1 } END { if (!found) print "none" }'
}

# sa_packets: packets that the kernel counts over all SAs. Of what it hands out in bursts for later segmentation
# its lifetime counts one; the sequence number it has reached (oseq) counts every packet.
sa_packets() {
	ip -s xfrm state | awk '
		function hex(text) { sub(/,$/, "", text); return strtonum(text) }
		function end() { total += packets > oseq ? packets : oseq; packets = 0; oseq = 0 }
		/^src / { end() }
		/oseq 0x/ { for (i = 1; i < NF; i++) if ($i == "oseq") oseq = hex($(i + 1)) }
		/lifetime current:/ { getline; sub(/.*\), /, ""); sub(/\(packets\).*/, ""); packets = $1 }
		END { end(); print total + 0 }'
}

# eventually COMMAND...: within 3 s, LAB_SLOW times that
eventually() {
	local _
	for _ in $(seq $((30 * LAB_SLOW))); do
		"$@" 2>/dev/null && return 0
		sleep 0.1
	done
	"$@"
}

pings() {
	ping -n -q -c 2 -i 0.2 -W 2 "$@" >/dev/null
}

no_ping() {
	! pings "$@"
}

# grew COUNTER COMMAND...: the command passes, and meanwhile the NIC's counter grows
grew() {
	local name=$1 before after
	shift
	before=$(nic_stat "$name")
	"$@" || return 1
	after=$(nic_stat "$name")
	[ "$after" -gt "$before" ] || { echo "$name stays $after"; return 1; }
}

# covered NAME SRC DST / uncovered NAME: from the one to the other, a policy protects what the NIC sends from one prefix to
# the other; tests/lab/wire.py holds the recorded wire against it. Each NAME serves once a run.
covered() {
	echo "$2 $3" >"/out/cover.$1.start"
}

uncovered() {
	: >"/out/cover.$1.end"
}

# with_traffic COMMAND...: COMMAND while TCP flows; both must succeed
with_traffic() {
	"$(dirname "${BASH_SOURCE[0]}")/traffic.py" tcp $RIGHT4 4000000 &
	local pid=$! status
	sleep 0.3
	"$@"
	status=$?
	wait $pid && return $status
}

shows() { # TEXT COMMAND...: its output has TEXT
	local text=$1 said
	shift
	said=$("$@") && case $said in *"$text"*) return 0 ;; esac
	echo "no '$text' in: $said"
	return 1
}
