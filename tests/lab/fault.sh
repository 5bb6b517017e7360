#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Under fire: four protected flows (packet and crypto offload, transport and tunnel, IPv4 and IPv6) between the NIC and the
# kernel's software, with traffic both ways, while things go wrong. FAULT_ROUNDS names the rounds (fault-rounds.sh) and how
# often each does its thing (ROUND=TIMES), FAULT_SEED what is random in them. The left side drives; the right does what it is told.
# A policy covers each flow from the beginning to the end, so tests/lab/fault-test holds all of the wire against it.
# shellcheck disable=SC2154,SC2086,SC2317,SC2015 # what flow() sets, all of one word; functions called by name
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

# t NAME COMMAND...: as in tap.sh, but in this shell, for what is remembered in variables
t() {
	local name=$1 status
	shift
	"$@" >/tmp/said 2>&1
	status=$?
	tap "$name" $status "$([ $status -eq 0 ] || tail -n 3 /tmp/said | tr '\n' ' ')"
}

RANDOM=$FAULT_SEED
FLOWS="10 20 30 40"
TARGETS="$RIGHT4 $RIGHT6_IN $RIGHT6 $RIGHT4_IN" # in the order of FLOWS
SPI_TO_RIGHT=0x100000
SPI_TO_LEFT=0x200000
pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")
declare -A gen # of each flow's SAs; SPIs and keys follow from it, so no key ever comes twice

# flow ID: what it is, in type mode esn me peer my_sel peer_sel (of this side)
flow() {
	local l r lsel rsel
	case $1 in
	10) type=packet mode=transport esn=no l=$LEFT4 r=$RIGHT4 lsel=$LEFT4/32 rsel=$RIGHT4/32 ;;
	20) type=packet mode=tunnel esn=esn l=$LEFT6 r=$RIGHT6 lsel=$LEFT6_IN/128 rsel=$RIGHT6_IN/128 ;;
	30) type=crypto mode=transport esn=esn l=$LEFT6 r=$RIGHT6 lsel=$LEFT6/128 rsel=$RIGHT6/128 ;;
	40) type=crypto mode=tunnel esn=no l=$LEFT4 r=$RIGHT4 lsel=$LEFT4_IN/32 rsel=$RIGHT4_IN/32 ;;
	esac
	if [ "$LAB_SIDE" = left ]; then
		me=$l peer=$r my_sel=$lsel peer_sel=$rsel
	else
		me=$r peer=$l my_sel=$rsel peer_sel=$lsel
	fi
}

# Of SAs there are many, and a fork takes long in an emulated guest: below, one `ip` does one thing whole.

# spi DIR ID GEN: in $spi; DIR as this side sees it
spi() {
	case $LAB_SIDE-$1 in
	left-out | right-in) spi=$((SPI_TO_RIGHT + 256 * $3 + $2)) ;;
	*) spi=$((SPI_TO_LEFT + 256 * $3 + $2)) ;;
	esac
}

# sa_line ACTION DIR ID GEN: in $line, the words for ip; the key is of the SPI
sa_line() {
	local src dst key window=0 how="" offload=""
	flow "$3"
	spi "$2" "$3" "$4"
	src=$me dst=$peer
	[ "$2" = out ] || src=$peer dst=$me
	line="xfrm state $1 src $src dst $dst proto esp spi $spi"
	[ "$1" != delete ] || return 0
	printf -v key '0x%032x%08x' $((spi * 2654435761)) "$spi"
	if [ $esn = esn ]; then
		how="flag esn"
	elif [ $mode = tunnel ]; then
		how="flag af-unspec"
	fi
	[ "$2" = out ] || window=$([ $esn = esn ] && echo 128 || echo 32)
	[ "$LAB_NIC" != espnic ] || offload="offload $type dev eth0"
	line+=" reqid $3 mode $mode replay-window $window $how aead rfc4106(gcm(aes)) $key $ICV_BITS $offload dir $2"
}

# sa DIR ID GEN, sa_del DIR ID GEN: one SA of a flow
sa() {
	sa_line add "$@"
	ip -batch - <<<"$line"
}

sa_del() {
	sa_line delete "$@"
	ip -batch - <<<"$line"
}

sas() { # ID GEN
	local lines
	sa_line add in "$@"
	lines=$line
	sa_line add out "$@"
	ip -batch - <<<"$lines"$'\n'"$line"
}

sas_del() { # ID GEN
	local lines
	sa_line delete in "$@"
	lines=$line
	sa_line delete out "$@"
	ip -force -batch - <<<"$lines"$'\n'"$line"
}

policies() { # ID
	local offload=""
	flow "$1"
	[ "$LAB_NIC-$type" != espnic-packet ] || offload="offload packet dev eth0"
	ip -batch - <<-EOF
		xfrm policy add src $my_sel dst $peer_sel dir out priority 100 $offload tmpl src $me dst $peer proto esp reqid $1 mode $mode
		xfrm policy add src $peer_sel dst $my_sel dir in priority 100 $offload tmpl src $peer dst $me proto esp reqid $1 mode $mode
	EOF
}

policies_del() { # ID
	flow "$1"
	ip -batch - <<-EOF
		xfrm policy delete src $my_sel dst $peer_sel dir out
		xfrm policy delete src $peer_sel dst $my_sel dir in
	EOF
}

# Software policies behind all others, to the end: nothing leaves in clear while the NIC's are gone.
blocks() {
	local id
	for id in $FLOWS; do
		flow "$id"
		block_one out "$my_sel" "$peer_sel"
		block_one in "$peer_sel" "$my_sel"
	done
}

# Addresses and routes, as often as the interface comes back
net_up() {
	local my4=$LEFT4_IN my6=$LEFT6_IN its4=$RIGHT4_IN its6=$RIGHT6_IN _
	[ "$LAB_SIDE" = left ] || my4=$RIGHT4_IN my6=$RIGHT6_IN its4=$LEFT4_IN its6=$LEFT6_IN
	for _ in $(seq $((20 * LAB_SLOW))); do
		ip link set eth0 up 2>/dev/null && break
		sleep 0.1
	done
	ip addr replace "$LAB_ADDRESS4/24" dev eth0 && ip -6 addr replace "$LAB_ADDRESS6/64" dev eth0 nodad &&
		ip addr replace $my4/32 dev eth0 && ip -6 addr replace $my6/128 dev eth0 nodad &&
		ip route replace $its4/32 dev eth0 src $my4 && ip -6 route replace $its6/128 dev eth0 src $my6 ||
		return 1
	for _ in $(seq $((50 * LAB_SLOW))); do
		[ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ] && return 0
		sleep 0.1
	done
	echo "no carrier"
	return 1
}

# ---- the right does what the left says ----

mkfifo /tmp/never
exec {never}<>/tmp/never

# pause SECONDS: sleep without a fork
pause() {
	read -r -t "$1" -u "$never"
	return 0
}

# peer_do COMMAND...: has it run on the right; peer_did gives its output and status
peer_do() {
	peer_count=$((${peer_count:-0} + 1))
	printf '%s\n#end\n' "$*" >"/out/peer.$peer_count"
}

peer_did() {
	local said="" tries=$((1200 * LAB_SLOW)) rc=/out/peer.$peer_count.rc
	until [[ $said = *"#end"* ]]; do
		pause 0.05
		[ -e "$rc" ] && read -r -d '' said <"$rc"
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "the right does not answer"; return 1; }
	done
	said=${said%%#end*}
	[ "${said//[[:space:]]/}" = 0 ] || { cat "/out/peer.$peer_count.said"; return 1; }
}

peer() {
	peer_do "$@"
	peer_did
}

obey() {
	local n=1 file said
	while [ ! -e /out/peer.end ] && [ ! -e /run/lab/left.rc ]; do
		file=/out/peer.$n said=""
		[ -e "$file" ] && read -r -d '' said <"$file"
		if [[ $said = *"#end"* ]]; then
			eval "${said%%#end*}" >"$file.said" 2>&1
			printf '%d\n#end\n' $? >"$file.rc"
			n=$((n + 1))
		else
			pause 0.03
		fi
	done
}

# ---- flows as a whole, driven by the left ----

# flow_new ID: new SAs on both sides in place of what is left of the old ones
flow_new() {
	local old=${gen[$1]:-0}
	gen[$1]=$((old + 1))
	peer_do "[ $old = 0 ] || sas_del $1 $old; sas $1 ${gen[$1]}"
	eventually sas "$1" "${gen[$1]}"
	peer_did
}

# After the NIC has lost all: SAs and offloaded policies anew. Those of crypto offload are software's and still stand.
flows_again() {
	local id
	ndp_bypass packet || return 1
	for id in $FLOWS; do
		flow_new "$id" || return 1
		flow "$id"
		[ $type = crypto ] || policies "$id" || return 1
	done
}

rekey() { # ID: make before break
	local old=${gen[$1]} new=$((${gen[$1]} + 1))
	gen[$1]=$new
	peer "sa in $1 $new" && sas "$1" $new && peer "sa out $1 $new" || return 1
	pause 0.2
	peer_do "sa_del out $1 $old"
	sa_del out "$1" "$old" && peer_did || return 1
	pause 0.2
	peer_do "sa_del in $1 $old"
	sa_del in "$1" "$old" && peer_did
}

answered() {
	local target
	for target in $TARGETS; do
		ping -n -q -c 1 -W 1 "$target" >/dev/null || { echo "no answer of $target"; return 1; }
	done
}

# The NIC and all four flows, by themselves again; FAULT_PATIENCE_S is what resets after a lost heartbeat take
works() {
	local end=$((SECONDS + FAULT_PATIENCE_S * LAB_SLOW))
	until answered >/dev/null; do
		[ $SECONDS -lt $end ] || { answered; return 1; }
		sleep 0.2
	done
	# shellcheck disable=SC2086 # words on purpose
	"$here/traffic.py" all $TARGETS
}
FAULT_PATIENCE_S=30

pump_start() {
	local _
	# shellcheck disable=SC2086 # words on purpose
	"$here/traffic.py" pump $TARGETS >/tmp/pump 2>&1 &
	pump=$!
	for _ in $(seq $((100 * LAB_SLOW))); do
		grep -q running /tmp/pump && return 0
		pause 0.1
	done
}

# pump_stop NAME: no byte was wrong meanwhile
pump_stop() {
	local status
	kill -TERM $pump
	wait $pump
	status=$?
	tap "$1: no wrong byte in the traffic meanwhile" $status "$(tail -n 1 /tmp/pump)"
}

# stat PATTERN: the sum of the counters of ethtool -S whose names match
stat_sum() {
	ethtool -S eth0 | awk -v name="^ *($1):" '$0 ~ name { n += $2 } END { print n + 0 }'
}

# counted NAME PATTERN BEFORE: a drop or fault shows under its name
counted() {
	local now
	now=$(stat_sum "$2")
	tap "$1: counted as $2" "$((now <= $3))" "$3, then $now"
}

nothing_left() {
	ip xfrm policy flush
	ip xfrm state flush
	sleep 0.5
	[ "$(nic_stat ipsec_sas)" = 0 ] && [ "$(nic_stat ipsec_policies)" = 0 ] && [ -z "$(ip xfrm state; ip xfrm policy)" ] ||
		{ ethtool -S eth0 | grep -E 'ipsec_(sas|policies)'; ip xfrm state count; return 1; }
}

# shellcheck source=tests/lab/fault-rounds.sh
. "$here/fault-rounds.sh"

main() {
	local id round
	net_up || die "no network"
	blocks
	if [ "$LAB_SIDE" = right ]; then
		"$here/traffic.py" serve >/out/server.log 2>&1 &
		ndp_bypass none
		for id in $FLOWS; do
			policies "$id"
		done
		lab-barrier up
		obey
		exit 0
	fi

	lab-barrier up
	for id in $FLOWS; do
		flow "$id"
		[ $type = packet ] || policies "$id"
		covered "flow-$id" "$my_sel" "$peer_sel"
	done
	t "flows are set up" flows_again
	t "they work" works
	for round in $FAULT_ROUNDS; do
		FAULT_TIMES=1
		[[ $round != *=* ]] || FAULT_TIMES=${round#*=} round=${round%=*}
		echo "round $round, $FAULT_TIMES times, seed $FAULT_SEED"
		"round_$round"
		t "$round: all flows work afterwards" works
	done
	ethtool -S eth0 >/out/ethtool.stats
	cat /proc/net/xfrm_stat >/out/xfrm.stats
	for id in $FLOWS; do
		uncovered "flow-$id"
	done
	sleep 0.2
	t "nothing is left after a flush" nothing_left
	: >/out/peer.end
	exit "$tap_failed"
}

# Whole in memory before it begins: the file may change under a run
main; exit
