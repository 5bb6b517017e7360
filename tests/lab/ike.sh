#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# espnic-ike over packet offload on the left, stock strongSwan in software on the right: both roles, transport and tunnel, rekeying under
# traffic from either side, the device down and away and back, a trap. The left is driven by strongSwan's own swanctl.
# shellcheck disable=SC2016,SC2317 # eval expands; t runs them
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

# shellcheck source=tests/lab/strongswan.sh
. "$here/strongswan.sh"

umask 077
if [ "$LAB_SIDE" = left ]; then
	me=$LEFT4 peer=$RIGHT4 my_in=$LEFT4_IN peer_in=$RIGHT4_IN my_id=left.example peer_id=right.example
else
	me=$RIGHT4 peer=$LEFT4 my_in=$RIGHT4_IN peer_in=$LEFT4_IN my_id=right.example peer_id=left.example
fi

# child NAME MODE MINE PEERS MORE
child() {
	cat <<-END
		$1 {
			mode = $2
			esp_proposals = aes256gcm16-esn,aes128gcm16
			local_ts = $3
			remote_ts = $4
			$(on_espnic && printf 'hw_offload = packet\ninterface = eth0\nreplay_window = 128')
			$5
		}
	END
}

# conf MORE: one connection; MORE is of the child that may be trapped
conf() {
	cat <<-END
		connections {
			peer {
				version = 2
				local_addrs = $me
				remote_addrs = $peer
				proposals = aes256gcm16-prfsha384-ecp384,aes128gcm16-prfsha256-x25519
				mobike = no
				local {
					auth = psk
					id = $my_id
				}
				remote {
					auth = psk
					id = $peer_id
				}
				children {
					$(child transport_child transport dynamic dynamic "")
					$(child tunnel_child tunnel "$my_in/32" "$peer_in/32" "")
					$(child trap_child transport "dynamic[tcp/7777]" "dynamic[tcp]" "$1")
				}
			}
		}
		secrets {
			ike-1 {
				id = $peer_id
				secret = 0x$(printf '%s' "espnic test secret" | sha256sum | cut -c 1-64)
			}
		}
	END
}

begin() {
	inner_up 4 "$my_in/32" "$peer_in/32"
	daemon_up
	conf "" >/tmp/swanctl.conf
	swanctl --load-all --clear --file /tmp/swanctl.conf 2>/dev/null || die "load"
}

# soon COMMAND...: within the time that a lost message and its repetition take
soon() {
	local _
	for _ in 1 2 3 4 5; do
		eventually "$@" >/dev/null && return 0
	done
	"$@"
}

states() {
	ip xfrm state list | grep -c '^src'
}

packet_states() {
	ip xfrm state list | grep -c 'mode packet'
}

policies() {
	# shellcheck disable=SC2126 # sockets have some of their own
	ip xfrm policy list | grep '^src' | wc -l
}

is() { # WORD VALUE
	[ "$1" = "$2" ] || { echo "$1 instead of $2"; return 1; }
}

is_not() { # WORD VALUE
	[ "$1" != "$2" ] || { echo "$1"; return 1; }
}

# in_hardware CHILD: it is up, the kernel and the status say so, and no packet of it is the kernel's work
in_hardware() {
	shows "$1" "$ike" status && shows "offload packet (asked: packet) device eth0" "$ike" status && is "$(packet_states)" "$(states)"
}

# by_device ADDRESS: traffic there and back is the device's work
by_device() {
	grew tx_protected grew rx_unprotected pings "$1"
}

spi() {
	ip xfrm state list | awk '/proto esp spi/ { print $4; exit }'
}

pci=$(basename "$(readlink -f /sys/class/net/eth0/device)")

# plug: the device is there again, with its addresses
plug() {
	echo "$pci" >/sys/bus/pci/drivers/espnic/bind || return
	eventually ip link set eth0 up || return
	ip addr replace "$LAB_ADDRESS4/24" dev eth0
	inner_up 4 "$my_in/32" "$peer_in/32"
}

# Left and right meet between the parts; what the right does, it does for the left to see.
left() {
	t "initiate, by swanctl" shows "initiate completed successfully" swanctl --initiate --child transport_child --timeout "$WAIT"
	t "transport: in hardware" in_hardware transport_child
	t "traffic is the device's work" by_device "$RIGHT4"
	covered transport "$LEFT4/32" "$RIGHT4/32"
	# Linux has the counts of a second ago
	t "list-sas counts the device's packets" eventually eval 'shows packets "$ike" status && ! "$ike" status | grep -q " 0 packets"'
	local old
	old=$(spi)
	t "rekey under traffic" with_traffic swanctl --rekey --child transport_child
	t "other states" eventually is_not "$(spi)" "$old"
	t "two of them, in hardware" soon eval 'is "$(states)" 2 && in_hardware transport_child'
	lab-barrier rekey 120
	t "the right rekeys under traffic" with_traffic lab-barrier rekeyed 120
	t "and it goes on in hardware" soon eval 'is "$(states)" 2 && in_hardware transport_child'
	down_and_up
	unplugged
	uncovered transport
	t "terminate" shows "terminate completed successfully" swanctl --terminate --ike peer --timeout "$WAIT"
	t "no states" is "$(states)" 0
	lab-barrier tunnel 120
	lab-barrier tunnelled 120
	covered tunnel "$LEFT4_IN/32" "$RIGHT4_IN/32"
	t "as responder, tunnel: in hardware" in_hardware tunnel_child
	t "inner traffic is the device's work" by_device "$RIGHT4_IN"
	uncovered tunnel
	t "terminate the tunnel" swanctl --terminate --ike peer --timeout "$WAIT"
	caught
	kill "$daemon"
	wait "$daemon"
	t "the daemon ends well" is $? 0
	t "and leaves nothing in the kernel" is "$(states) $(policies)" "0 0"
}

down_and_up() {
	local old
	old=$(spi)
	ip link set eth0 down
	t "down: Linux has taken the states out" eventually is "$(states)" 0
	t "status says so" eventually shows LOST "$ike" status
	# of another interface: no reason to make anything anew
	t "another link comes up" eval 'ip link add other type dummy && ip link set other up'
	sleep 1
	ip link set eth0 up
	t "up: made anew, in hardware" soon eval 'is "$(states)" 2 && in_hardware transport_child'
	t "with other keys" is_not "$(spi)" "$old"
	t "and traffic with it" eventually pings "$RIGHT4"
	ip link del other
}

unplugged() {
	echo "$pci" >/sys/bus/pci/drivers/espnic/unbind
	t "away: no states" eventually is "$(states)" 0
	plug || die "the device does not come back"
	t "back: made anew, in hardware" soon eval 'is "$(states)" 2 && in_hardware transport_child'
	t "and traffic is the device's work" soon by_device "$RIGHT4"
}

# A policy that waits for a packet.
caught() {
	conf "start_action = trap" >/tmp/swanctl.conf
	t "load a trap" swanctl --load-all --file /tmp/swanctl.conf
	t "it is listed" shows trap_child swanctl --list-pols --trap
	socat -u OPEN:/dev/null "TCP:$RIGHT4:7778,sourceport=7777,connect-timeout=1,reuseaddr" 2>/dev/null
	t "a packet brings it up" soon in_hardware trap_child
	t "terminate it" swanctl --terminate --child trap_child --timeout "$WAIT"
	t "the trap stands again" shows trap_child swanctl --list-pols --trap
}

right() {
	"$here/traffic.py" serve &
	lab-barrier rekey 240
	sleep 1
	swanctl --rekey --child transport_child || die "rekey"
	lab-barrier rekeyed
	lab-barrier tunnel 360
	swanctl --initiate --child tunnel_child --timeout "$WAIT" || die "initiate"
	lab-barrier tunnelled
}

begin
lab-barrier start 120
"$LAB_SIDE"
lab-barrier end 400
exit "$tap_failed"
