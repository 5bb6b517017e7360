#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel's selftests in a guest whose eth1 and eth2 are espnic, wired to each other: eth1 is under test, eth2 the
# remote end in a network namespace. /shared is the folder that `run` staged: the kernel's files at their places,
# ours in own/. KSFT_TESTS: files below tools/testing/selftests, each with =SECONDS it may take. Leaves NAME.log and NAME.rc in /out.
set -u

NETNS=remote
LOCAL_V4=198.18.1.1 REMOTE_V4=198.18.1.2
LOCAL_V6=2001:db8:5::1 REMOTE_V6=2001:db8:5::2

die() {
	echo "kselftest: $*"
	exit 1
}

carrier() {
	[ "$(cat /sys/class/net/eth1/carrier 2>/dev/null)" = 1 ]
}

# set_up: eth1 as a test expects to find it, whatever the one before left
set_up() {
	local _
	sysctl -q -w net.ipv6.conf.eth1.accept_dad=0 net.ipv6.conf.eth1.keep_addr_on_down=1
	ip link set eth1 up mtu 1500
	ip addr replace $LOCAL_V4/24 dev eth1
	ip -6 addr replace $LOCAL_V6/64 dev eth1 nodad
	ip -n $NETNS link set eth2 up mtu 1500
	ip -n $NETNS addr replace $REMOTE_V4/24 dev eth2
	ip -n $NETNS -6 addr replace $REMOTE_V6/64 dev eth2 nodad
	for _ in $(seq 100); do
		carrier && return 0
		sleep 0.1
	done
	die "eth1 has no carrier"
}

[ "$LAB_SIDE" = left ] || exit 0
[ -e /sys/class/net/eth2 ] || die "no eth2: lab/run --loop is needed"
ip netns add $NETNS || die "no namespace"
ip link set eth2 netns $NETNS || die "eth2 does not go there"
ip -n $NETNS link set lo up
# The kernel's tests want to write beside themselves.
cp -r /shared/tools /shared/Documentation /tmp/ || die "no room"
export NETIF=eth1 LOCAL_V4 LOCAL_V6 REMOTE_V4 REMOTE_V6 REMOTE_TYPE=netns REMOTE_ARGS=$NETNS
export KSFT_MACHINE_SLOW=yes PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

for test in $KSFT_TESTS; do
	seconds=${test#*=} test=${test%=*}
	case $test in
	own/*) file=/shared/$test ;;
	*) file=/tmp/tools/testing/selftests/$test ;;
	esac
	name=$(basename "$test")
	set_up
	cd "$(dirname "$file")" || die "no folder of $test"
	start=$SECONDS
	timeout -k 5 "$seconds" "./$name" >"/tmp/$name.log" 2>&1
	status=$?
	cp "/tmp/$name.log" /out/
	echo $status >"/out/$name.rc"
	echo "$test: status $(cat "/out/$name.rc"), $((SECONDS - start)) s"
	ip xfrm policy flush
	ip xfrm state flush
done
cd /
ip netns del $NETNS
exit 0
