#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The NIC's own doings: self-tests, VLANs, failures told to devlink and recovered, SAs that outlive every reconfiguration.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

CMD_DOORBELL=0x120 # ESPNIC_REG_CMD_DOORBELL
VLAN=7
VLAN_LEFT=198.18.7.1
VLAN_RIGHT=198.18.7.2

pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

answered() { # the peer answers
	pings $RIGHT4 -s 1000 && pings $RIGHT6 -s 1000
}

self_tests() {
	t "self-test, online" shows "The test result is PASS" ethtool -t eth0 online
	t "self-test, offline" shows "The test result is PASS" ethtool -t eth0 offline
	t "ping after the offline test" eventually answered
	ip link set eth0 down
	t "without link the self-test fails, and says of what" failed_by Link
	t "and nothing else" [ "$(ethtool -t eth0 online | awk '$NF != 0 && /line\)/' | wc -l)" = 1 ]
	ip link set eth0 up
	t "self-test with link again" eventually shows "The test result is PASS" ethtool -t eth0 online
	t "ping after that" eventually answered
}

failed_by() { # TEST: ethtool says FAIL, and the errno of TEST
	local said
	! said=$(ethtool -t eth0 online) && grep -q "The test result is FAIL" <<<"$said" && grep -q "^$1 .*[1-9][0-9]*$" <<<"$said" && return 0
	echo "$said"
	return 1
}

# 802.1Q on top: the device parses tags, so its offloads hold there, too
vlan() {
	lab-barrier vlan
	vlan_up
	lab-barrier vlan-up
	t "ping in a VLAN" pings $VLAN_RIGHT -s 1472
	t "TCP in a VLAN is segmented by the device" grew tx_tso_packets "$here/traffic.py" tcp $VLAN_RIGHT $((1000000 / LAB_SLOW))
	t "checksums in a VLAN are verified by the device" grew rx_csum_good "$here/traffic.py" tcp $VLAN_RIGHT $((1000000 / LAB_SLOW))
	t "UDP sizes in a VLAN" "$here/traffic.py" udp $VLAN_RIGHT 1 17 63 500 1472
	ethtool -K eth0 tso off
	t "TCP in a VLAN without segmentation" "$here/traffic.py" tcp $VLAN_RIGHT $((1000000 / LAB_SLOW))
	ethtool -K eth0 tso on
	lab-barrier vlan-over
	ip link del eth0.$VLAN
}

vlan_up() {
	modprobe -q 8021q
	ip link add link eth0 name eth0.$VLAN type vlan id $VLAN
	if [ "$LAB_SIDE" = left ]; then
		ip addr add $VLAN_LEFT/24 dev eth0.$VLAN
	else
		ip addr add $VLAN_RIGHT/24 dev eth0.$VLAN
	fi
	ip link set eth0.$VLAN up
}

reporter() {
	devlink -j health show "pci/$pci" reporter device | jq -r ".health[][0].$1"
}

reporter_is() {
	[ "$(reporter state)" = "$1" ] && [ "$(reporter error)" = "$2" ] && [ "$(reporter recover)" = "$3" ]
}

break_device() {
	"$here/poke.py" $CMD_DOORBELL 0x40000000
}

# A command tail that runs far ahead stops the device: FATAL. devlink is told, dumps, and has it reset.
health() {
	local resets
	t "resources show" shows "name SAs size 16384" devlink resource show "pci/$pci"
	t "the reporter is healthy" reporter_is healthy 0 0
	resets=$(nic_stat cmd_resets)
	t "a fatal error" break_device
	t "it was reported and recovered" eventually reporter_is healthy 1 1
	t "by one reset" [ "$(nic_stat cmd_resets)" = $((resets + 1)) ]
	t "ping after that" eventually answered
	t "the dump names the fatal code" shows "FATAL_CODE: 3" devlink health dump show "pci/$pci" reporter device
	t "the dump has the reason" shows "fatal error" devlink health dump show "pci/$pci" reporter device
	t "the dump is cleared" devlink health dump clear "pci/$pci" reporter device
	t "diagnose: it runs" shows "state: running" devlink health diagnose "pci/$pci" reporter device
	t "recovery by hand" devlink health set "pci/$pci" reporter device auto_recover false
	break_device
	t "a fatal error is reported" eventually reporter_is error 2 1
	t "diagnose: it has failed" shows "fatal_code: cmd_tail" devlink health diagnose "pci/$pci" reporter device
	t "devlink health recover" devlink health recover "pci/$pci" reporter device
	t "recovered" reporter_is healthy 2 2
	t "ping after recovery" eventually answered
	devlink health set "pci/$pci" reporter device auto_recover true
}

sas_offloaded() {
	[ "$(ip xfrm state | grep -c 'crypto offload parameters')" = 2 ] || ip xfrm state
	[ "$(ip xfrm state | grep -c 'crypto offload parameters')" = 2 ]
}

# Changes of rings, channels and MTU while SAs of packet offload carry the traffic
ipsec_reconfigure() {
	local before
	lab-barrier ipsec
	ipsec_up 77 packet transport 4 16 esn
	lab-barrier ipsec-up
	t "TCP by packet offload" grew tx_protected "$here/traffic.py" tcp $RIGHT4 $((500000 / LAB_SLOW))
	t "what is decrypted goes to the queue of its inner header" "$here/rss.py" eth0 $RIGHT4
	before=$(nic_stat ipsec_sa_added)
	t "rings changed under it" with_traffic ethtool -G eth0 rx 256 tx 128
	t "channels changed under it" with_traffic ethtool -L eth0 combined 2
	# Not under traffic: the peer's MTU stays, and drops what is larger.
	t "MTU changed" ip link set eth0 mtu 3000
	t "MTU changed back" ip link set eth0 mtu 1500
	t "both SAs stand" sas_offloaded
	t "none was added again" [ "$(nic_stat ipsec_sa_added)" = "$before" ]
	t "a reset under it" shows "PASS" ethtool -t eth0 offline
	t "both SAs stand after it" sas_offloaded
	t "TCP by packet offload after it" eventually grew tx_protected "$here/traffic.py" tcp $RIGHT4 $((500000 / LAB_SLOW))
	t "resources show both in use" shows "occ 2" devlink resource show "pci/$pci"
	t "nothing of it came in clear" shows "rx_drop_clear: 0" ethtool -S eth0
	lab-barrier ipsec-over
	ipsec_down
	ethtool -G eth0 rx 512 tx 512
	ethtool -L eth0 combined 4
}

# frames_and_bells: frames sent so far, doorbells written for them
frames_and_bells() {
	ethtool -S eth0 | awk '/^ *tx_frames:/ { frames = $2 } /txq[0-9]+_doorbells:/ { bells += $2 } END { print frames, bells }'
}

# Under load the device looks by itself: at most a doorbell for 32 frames
few_doorbells() {
	local frames bells frames_after bells_after
	read -r frames bells <<<"$(frames_and_bells)"
	"$here/traffic.py" tcp $RIGHT4 8000000 || return 1
	read -r frames_after bells_after <<<"$(frames_and_bells)"
	frames=$((frames_after - frames)) bells=$((bells_after - bells))
	echo "$bells doorbells for $frames frames"
	[ $((32 * bells)) -le $frames ]
}

doorbells() {
	t "few doorbells under load" few_doorbells
}

if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
	lab-barrier vlan 120
	vlan_up
	lab-barrier vlan-up
	lab-barrier vlan-over 120
	ip link del eth0.$VLAN
	lab-barrier ipsec 120
	ipsec_up 77 packet transport 4 16 esn
	lab-barrier ipsec-up
	lab-barrier ipsec-over 120
	ipsec_down
	lab-barrier end 300
else
	sleep 1
	self_tests
	vlan
	health
	ipsec_reconfigure
	# A guest whose kernel is checked sends less often than the device looks
	[ "$LAB_SLOW" -gt 1 ] || doorbells
	lab-barrier end 300
	exit $tap_failed
fi
