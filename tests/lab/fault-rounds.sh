# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The rounds of fault.sh; each leaves flows that work, or does not.
# shellcheck disable=SC2154 # variables of fault.sh

# some WORD...: in $some, one of them. Not in a subshell, where bash forgets the seed.
some() {
	local words=("$@")
	some=${words[$((RANDOM % $#))]}
}

# ---- keys and policies ----

twin() { # ID: the same SA once more; xfrm says no, but the NIC has had it in hands
	! sa out "$1" "${gen[$1]}" 2>/dev/null && ! sa in "$1" "${gen[$1]}" 2>/dev/null
}

# ip xfrm state update of the SA, with its offload: whether it is taken or refused, traffic goes on
update() { # ID DIR
	sa_line update "$2" "$1" "${gen[$1]}"
	ip -batch - <<<"$line" 2>/dev/null
	return 0
}

delete_and_make() { # ID: break before make
	sas_del "$1" "${gen[$1]}" && flow_new "$1"
}

policy_again() { # ID
	policies_del "$1" && pause 0.2 && policies "$1"
}

round_churn() {
	local i id
	pump_start
	for i in $(seq "$FAULT_TIMES"); do
		for id in $FLOWS; do
			t "churn $i: flow $id added twice" twin "$id"
			some in out
			t "churn $i: flow $id updated" update "$id" "$some"
			t "churn $i: flow $id rekeyed, make before break" rekey "$id"
			t "churn $i: flow $id deleted and made anew" delete_and_make "$id"
			t "churn $i: flow $id's policies deleted and added" policy_again "$id"
		done
	done
	pump_stop churn
}

# ---- the interface ----

down_and_up() {
	ip link set eth0 down
	pause 0.3
	net_up && flows_again
}

round_link() {
	local i
	for i in $(seq "$FAULT_TIMES"); do
		pump_start
		pause 0.5
		t "link $i: down and up" down_and_up
		pump_stop "link $i"
		t "link $i: all flows work" works
	done
}

# No SA is lost by these
round_settings() {
	local i before
	before=$(nic_stat ipsec_sa_added)
	pump_start
	for i in $(seq "$FAULT_TIMES"); do
		some "rx 64 tx 512" "rx 512 tx 64" "rx 128 tx 128" "rx 64 tx 64"
		# shellcheck disable=SC2086 # words on purpose
		t "settings $i: rings $some" ethtool -G eth0 $some
		some 1 2 3 4
		t "settings $i: channels $some" ethtool -L eth0 combined "$some"
		some 1500 2000 4000 9000
		t "settings $i: MTU $some" ip link set eth0 mtu "$some"
		t "settings $i: all flows answer" eventually answered
	done
	pump_stop settings
	t "settings: rings as before" ethtool -G eth0 rx 256 tx 256
	ethtool -L eth0 combined 4
	ip link set eth0 mtu 1500
	t "settings: no SA was made anew" test "$(nic_stat ipsec_sa_added)" = "$before"
}

# ---- the driver ----

rebind() {
	echo "$pci" >/sys/bus/pci/drivers/espnic/unbind && echo "$pci" >/sys/bus/pci/drivers/espnic/bind &&
		net_up && flows_again
}

reload() {
	rmmod espnic && insmod /run/lab/espnic.ko && net_up && flows_again
}

round_driver() {
	local i
	for i in $(seq "$FAULT_TIMES"); do
		pump_start
		if [ $((i % 2)) = 1 ]; then
			t "driver $i: unloaded and loaded" reload
		else
			t "driver $i: unbound and bound" rebind
		fi
		t "driver $i: all flows answer" eventually answered
		pump_stop "driver $i"
	done
}

# ---- resets ----

flr() {
	echo flr >"/sys/bus/pci/devices/$pci/reset_method" && echo 1 >"/sys/bus/pci/devices/$pci/reset"
}

# The NIC is reset while it segments; SAs and policies come back by themselves
round_flr() {
	local i before now _
	for i in $(seq "$FAULT_TIMES"); do
		before=$(nic_stat tx_tso_packets)
		pump_start
		now=$before
		for _ in $(seq $((20 * LAB_SLOW))); do
			[ "$now" -eq "$before" ] || break
			now=$(nic_stat tx_tso_packets)
		done
		pause 0.$((RANDOM % 5))
		t "flr $i" flr
		tap "flr $i: it was segmenting" $((now > before ? 0 : 1)) "$before packets, then $now"
		pump_stop "flr $i"
		t "flr $i: all flows work" works
	done
}

# aer KIND: a PCIe error as if the port above the NIC had seen it; the PCI core resets what is behind the port
aer() {
	"$here/aer.py" "$(basename "$(readlink -f "/sys/bus/pci/devices/$pci/..")")" "$1"
}

# has_reset BEFORE: the driver has seen the device through a reset since
has_reset() {
	[ "$(nic_stat cmd_resets)" -gt "$1" ]
}

round_aer() {
	local i kind before
	modprobe -q aer_inject
	for i in $(seq "$FAULT_TIMES"); do
		for kind in fatal nonfatal; do
			before=$(nic_stat cmd_resets)
			pump_start
			pause 0.$((RANDOM % 5))
			t "aer $i: a $kind error" aer $kind
			t "aer $i: the device was reset" eventually has_reset "$before"
			pump_stop "aer $i, $kind"
			t "aer $i: all flows work by themselves" works
		done
	done
}

# ---- faults of the device ----

# What strikes, how often, with what, and under which name it shows: in a counter of ethtool -S (a pattern), or
# by itself not at all (-), when the driver needs to do nothing, or may: a head that is one short of several packets is a
# packet's end, too. A completion written a second time is often overwritten by the next before anybody looks.
faults=(
	"lost-irq 3 0 cmd_lost_irqs"
	"lost-irq 3 1 cmd_lost_irqs"
	"lost-irq 2 2 -"
	"dma-read 1 60 tx_drop_dma|cmd_restarts|cmd_resets"
	"dma-read 1 4 -"
	"dma-write 1 60 rx_drop_dma|cmd_resets|cmd_refused"
	"dma-write 1 4 -"
	"tx-late 3 $((RANDOM % 400)) -"
	"tx-double 1 0 txq[0-9]+_bad_cpl"
	"tx-swap 1 0 txq[0-9]+_bad_cpl"
	"tx-head 1 $((RANDOM + 600)) txq[0-9]+_bad_cpl"
	"tx-head 1 0xffffffff -"
	"tx-reason 2 $RANDOM txq[0-9]+_dev_drops"
	"rx-late 3 $((RANDOM % 400)) -"
	"rx-double 3 0 -"
	"rx-swap 1 0 rxq[0-9]+_bad_cpl"
	"rx-len 1 0 rxq[0-9]+_bad_cpl"
	"rx-len 1 0xffff rxq[0-9]+_bad_cpl"
	"rx-len 1 $((RANDOM % 13 + 1)) rxq[0-9]+_bad_cpl"
	"rx-frame-len 1 $((RANDOM + 32768)) rxq[0-9]+_bad_cpl"
	"rx-index 1 $((RANDOM % 1000 + 1)) rxq[0-9]+_bad_cpl"
	"rx-buffers 1 0 rxq[0-9]+_bad_cpl"
	"rx-buffers 1 255 rxq[0-9]+_bad_cpl"
	"rx-queue 1 $((RANDOM % 200 + 20)) rxq[0-9]+_bad_cpl"
	"rx-handle 4 $((RANDOM * 65536 + 1)) rxq[0-9]+_drop_ipsec"
	"rx-status 4 $((RANDOM % 200 + 50)) -"
	"cmd-late 1 1500 -"
	"cmd-mute 1 0 cmd_timeouts"
	"cmd-id 1 $((RANDOM + 1000)) cmd_bad_cpl"
	"cmd-status 1 $((RANDOM + 1000)) -"
	"cmd-resp 1 0xffffffff cmd_bad_cpl"
	"event 3 $((RANDOM * 65536 + 77)) cmd_bad_events"
	"event 2 $((RANDOM * 65536 + 3)) ipsec_event_stale"
	"event 2 $((RANDOM * 65536 + 9)) ipsec_event_stale"
	"lease 1 0 -"
	"fw-hang 1 0 cmd_resets"
	"fw-hang 1 1 cmd_resets"
	"fatal 1 7 cmd_resets"
)

has_struck() { # NAME
	lab-fault list | jq -e --arg name "$1" '.[$name].left == 0' >/dev/null
}

# one_fault NAME COUNT ARG COUNTER: with traffic, and with commands (ethtool -S asks the device)
one_fault() {
	local name="fault $1 $2 $3" before=0 _
	[ "$4" = - ] || before=$(stat_sum "$4")
	pump_start
	pause 0.3
	t "$name: armed" lab-fault "$1" "$2" "$3"
	# A lease lasts for 65,536 packets; the first ones are asked for as the SAs are made again.
	[ "$1" != lease ] || t "$name: the SAs are made again" flr
	for _ in $(seq $((20 * LAB_SLOW))); do
		timeout $((20 * LAB_SLOW)) ethtool -S eth0 >/dev/null 2>&1
		has_struck "$1" && break
		pause 0.1
	done
	t "$name: struck" has_struck "$1"
	lab-fault "$1" 0 >/dev/null
	pump_stop "$name"
	t "$name: all flows work by themselves" works
	[ "$4" = - ] || counted "$name" "$4" "$before"
}

# FAULT_TIMES of them, as the seed picks; 0: all; a name: those of it. On four queues, so that vector 2 is one's.
round_faults() {
	local left=("${faults[@]}") n=$FAULT_TIMES pick fault
	if [[ $n = *[!0-9]* ]]; then
		left=()
		for fault in "${faults[@]}"; do
			[ "${fault%% *}" != "$n" ] || left+=("$fault")
		done
		n=${#left[@]}
		tap "faults: there is $FAULT_TIMES" $((n > 0 ? 0 : 1))
	fi
	[ "$n" -gt 0 ] || n=${#left[@]}
	t "faults: four queues" ethtool -L eth0 combined 4
	while [ "$n" -gt 0 ] && [ ${#left[@]} -gt 0 ]; do
		pick=$((RANDOM % ${#left[@]}))
		# shellcheck disable=SC2086 # words on purpose
		one_fault ${left[pick]}
		unset "left[pick]"
		left=("${left[@]}")
		n=$((n - 1))
	done
}

# ---- what the device refuses ----

# reset_by_itself NAME BEFORE: the driver has reset the device since
reset_by_itself() {
	t "$1: the driver resets the device" eventually eval "[ \$(nic_stat cmd_resets) -gt $2 ]"
	t "$1: all flows work by themselves" works
}

# A state that the policies do not know, of the keys of flow 10's: dormant in the NIC
twin_elsewhere() { # ACTION
	sa_line "$1" out 10 "${gen[10]}"
	ip -batch - <<<"${line/dst $peer/dst 192.0.2.99}"
}

twin_sleeps() {
	[ "$(nic_stat ipsec_sa_awoken)" = "$1" ] && [ "$(nic_stat ipsec_sa_twins)" -gt "$2" ]
}

# As it comes back from a reset an SA is not taken; one is not deleted; a dormant one is said to be awake, which is no news to believe
round_refusals() {
	local i before awoken twins
	for i in $(seq "$FAULT_TIMES"); do
		before=$(nic_stat cmd_resets)
		pump_start
		t "refusals $i: SA_ADD is to be refused" lab-fault sa-add 1 7
		flr
		t "refusals $i: SA_ADD was refused" has_struck sa-add
		t "refusals $i: and the device reset again" eventually eval "[ \$(nic_stat cmd_resets) -ge $((before + 2)) ]"
		t "refusals $i: all flows work by themselves" works

		before=$(nic_stat ipsec_sas)
		t "refusals $i: SA_DEL is to be refused as busy" lab-fault sa-del 1 9
		t "refusals $i: an SA is deleted" delete_and_make 10
		t "refusals $i: SA_DEL was refused" has_struck sa-del
		t "refusals $i: and asked for again" eventually eval "[ \$(nic_stat ipsec_sas) = $before ]"

		before=$(nic_stat cmd_resets)
		t "refusals $i: SA_DEL is to be refused for good" lab-fault sa-del 1 12
		t "refusals $i: another is deleted" delete_and_make 20
		t "refusals $i: that was refused, too" has_struck sa-del
		reset_by_itself "refusals $i, SA_DEL" "$before"

		before=$(nic_stat cmd_resets) awoken=$(nic_stat ipsec_sa_awoken) twins=$(nic_stat ipsec_sa_twins)
		t "refusals $i: a dormant SA" twin_elsewhere add
		t "refusals $i: is to be said to be awake" lab-fault awake 1 5
		ethtool -S eth0 >/dev/null
		reset_by_itself "refusals $i, SA_AWAKE" "$before"
		t "refusals $i: and it sleeps on" twin_sleeps "$awoken" "$twins"
		t "refusals $i: it goes" twin_elsewhere delete
		pump_stop "refusals $i"
	done
}

# The device makes a queue and does not say so: the driver frees the queue's memory, which nobody may write to any more
round_create() {
	local i before queue_create=16
	for i in $(seq "$FAULT_TIMES"); do
		before=$(nic_stat cmd_resets)
		pump_start
		t "create $i: QUEUE_CREATE is not to be answered" lab-fault cmd-mute 1 $queue_create
		ethtool -L eth0 combined $((i % 2 + 2)) 2>/tmp/said
		tap "create $i: ethtool said" 0 "$(tr '\n' ' ' </tmp/said)"
		t "create $i: it was not" has_struck cmd-mute
		reset_by_itself "create $i" "$before"
		pump_stop "create $i"
	done
	ethtool -L eth0 combined 4
}

# ---- the wire ----

# What the left counts that it did not take: XfrmIn*, of which the driver tells all that the device drops, and fragments of
# ESP that wait for others
not_taken() {
	cat /proc/net/xfrm_stat /proc/net/snmp6 | grep -E '^(XfrmIn|Ip6ReasmReqds)'
	awk '/^Ip: [0-9]/ { print "IpReasmReqds " $15 }' /proc/net/snmp
}

# attacked NAME FILE: as many were counted as were sent, and the rest of the flow was not hurt
attacked() {
	local sent counted=0 name before after
	sent=$(jq 'add' "$2") || return 1
	: >/out/attack.counted
	while read -r name after; do
		before=$(awk -v name="$name" '$1 == name { print $2 }' /tmp/not_taken)
		[ "$after" = "$before" ] || echo "$name: $((after - before))" >>/out/attack.counted
		counted=$((counted + after - before))
	done <<<"$(not_taken)"
	echo "$sent sent, $counted counted" | tee -a /out/attack.counted
	[ "$sent" = "$counted" ]
}

round_attack() {
	local listener key pads spi=0x77777777 name='attack'
	rm -f /out/heard
	"$here/attack.py" listen /out/heard &
	listener=$!
	t "$name: somebody listens" eventually test -e /out/heard
	not_taken >/tmp/not_taken
	t "$name: sent" peer "$here/attack.py attack eth0 $FAULT_SEED $((8 * FAULT_TIMES)) '$RIGHT4>$LEFT4' '$RIGHT6_IN>$LEFT6_IN' \
		'$RIGHT6>$LEFT6' '$RIGHT4_IN>$LEFT4_IN' >/out/attack.sent"
	t "$name: every packet is counted by name" eventually attacked "$name" /out/attack.sent
	echo "$name: $(tr '\n' ' ' </out/attack.counted)"
	key=$(printf '0x%040x' $((spi * 2654435761)))
	pads=$(stat_sum 'rx_drop_(padding|malformed)')
	t "$name: an SA whose key the attacker has" ip xfrm state add src $RIGHT4 dst $LEFT4 proto esp spi $spi reqid 10 mode transport \
		replay-window 32 aead 'rfc4106(gcm(aes))' "$key" $ICV_BITS offload packet dev eth0 dir in
	t "$name: wrong padding sent" peer "$here/attack.py pad eth0 $spi $key $RIGHT4 $LEFT4 >/out/pad.sent"
	t "$name: wrong padding is counted by name" eventually padding_counted
	kill $listener
	t "$name: heard is what is genuine, once" "$here/attack.py" judge /out/heard "$RIGHT4>" "$RIGHT6_IN>" "$RIGHT6>" \
		"$RIGHT4_IN>" padding
	ip xfrm state delete src $RIGHT4 dst $LEFT4 proto esp spi $spi
}

padding_counted() {
	local wrong
	wrong=$(($(stat_sum 'rx_drop_(padding|malformed)') - pads))
	echo "$wrong of $(cat /out/pad.sent)"
	[ $wrong = "$(jq '.padding + .length' /out/pad.sent)" ]
}

# ---- memory ----

# fails TEXT REDO UNDO WORDS: nth.py with them; traffic works after each operation, whatever failed
fails() {
	local name="memory: $1"
	t "$name" env REDO="$2" UNDO="$3" "$here/nth.py" $((40 * FAULT_TIMES)) "${@:4}"
	tap "$name: how" 0 "$(cat /tmp/said)"
}

# On the debug kernel: allocations of a task that changes something fail one after the other, then those of softirqs at random.
round_memory() {
	local spi=0x66666666 knobs=/sys/kernel/debug bind=/sys/bus/pci/drivers/espnic state
	state="src $LEFT4 dst $RIGHT4 proto esp spi $spi"
	fails "rings" "" "" rings eth0 128 256
	fails "channels" "" "" channels eth0 2 4
	fails "counters" "" "" stats eth0
	fails "MTU" "" "ip link set eth0 mtu 1500" ip link set eth0 mtu 4000
	fails "a state" "" "ip xfrm state delete $state" ip xfrm state add $state reqid 66 mode transport \
		aead 'rfc4106(gcm(aes))' "$(printf '0x%040x' $spi)" $ICV_BITS offload packet dev eth0 dir out
	fails "a policy" "" "ip xfrm policy delete src 192.0.2.66 dst $RIGHT4 dir out" ip xfrm policy add src 192.0.2.66 \
		dst $RIGHT4 dir out priority 10 offload packet dev eth0
	t "memory: all flows work" works

	# Atomic ones: buffers, skbs, what crypto offload needs
	pump_start
	echo N >$knobs/fail_page_alloc/ignore-gfp-wait
	echo 0 >$knobs/fail_page_alloc/min-order
	for knob in failslab fail_page_alloc; do
		echo Y >$knobs/$knob/ignore-gfp-wait
		echo 0 >$knobs/$knob/verbose
		echo -1 >$knobs/$knob/times
		echo 10 >$knobs/$knob/probability
	done
	pause $((2 * FAULT_TIMES))
	for knob in failslab fail_page_alloc; do
		echo 0 >$knobs/$knob/probability
	done
	pump_stop "memory: a tenth of all atomic allocations fail"
	t "memory: all flows work" works

	fails "bind" "echo $pci >$bind/unbind" "" write $bind/bind "$pci"
	fails "insmod" "rmmod espnic" "" insmod /run/lab/espnic.ko
	t "memory: the NIC is back" net_up
	t "memory: flows anew" flows_again
}
