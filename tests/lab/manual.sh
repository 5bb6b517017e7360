#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Manual keying: the same kind of file on both sides, with packet offload on the left and none on the right. What apply
# says must be so in the kernel, in the device and on the wire; what can't be had must leave nothing behind.
# shellcheck disable=SC2016,SC2317 # eval expands; t runs them
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/lab/tap.sh
. "$here/tap.sh"

GROUP=239.1.2.3
PORT=5555
umask 077
if [ "$LAB_SIDE" = right ]; then
	# the results are the left's
	t() {
		local name=$1
		shift
		"$@" || die "$name"
	}
fi
if [ "$LAB_SIDE" = left ]; then
	me=$LEFT4 peer=$RIGHT4 out=0x1001 in=0x2001 group_way=out
else
	me=$RIGHT4 peer=$LEFT4 out=0x2001 in=0x1001 group_way=in
fi

manual() {
	"$here/../../build/libexec/espnic-ike" manual "$@"
}

# offload: the keys that ask for it, where there is a device
offload() {
	if on_espnic; then
		printf 'hw_offload = packet\ninterface = eth0\n'
	fi
}

# pair WINDOW: a state each way and their policies, in transport mode
pair() {
	cat <<-END
		pair {
			mode = transport
			reqid = 1
			esp = aes256gcm16-esn
			$(offload)
		}
		states {
			out : pair {
				direction = out
				src = $me
				dst = $peer
				spi = $out
				key = $(key $out 36)
			}
			in : pair {
				direction = in
				src = $peer
				dst = $me
				spi = $in
				key = $(key $in 36)
				replay_window = $1
			}
		}
		both {
			priority = 100
			template {
				reqid = 1
			}
			$(offload)
		}
		policies {
			out : both {
				direction = out
				src = $me
				dst = $peer
			}
			in : both {
				direction = in
				src = $peer
				dst = $me
			}
		}
	END
}

# group: what the left sends to many: AH by the kernel, ESP by the device
group() {
	cat <<-END
		states {
			ah {
				direction = $group_way
				src = $LEFT4
				dst = $GROUP
				spi = 0x3001
				reqid = 3
				ah = sha256
				auth_key = $(key 0x3001 32)
			}
			esp {
				direction = $group_way
				src = $LEFT4
				dst = $GROUP
				spi = 0x3002
				reqid = 4
				esp = aes128gcm16
				key = $(key 0x3002 20)
				$(offload)
			}
		}
		policies {
			ah {
				direction = $group_way
				src = $LEFT4
				dst = $GROUP
				protocol = udp
				dport = $PORT
				template {
					protocol = ah
					reqid = 3
				}
			}
			esp {
				direction = $group_way
				src = $LEFT4
				dst = $GROUP
				protocol = udp
				dport = $((PORT + 1))
				$(offload)
				template {
					reqid = 4
				}
			}
		}
	END
}

# one TYPE ESP KEY AUTH_KEY: a single outbound state, with that offload
one() {
	cat <<-END
		states {
			one {
				direction = out
				src = $me
				dst = $peer
				spi = 0x4001
				esp = $2
				key = $3
				${4:+auth_key = $4}
				hw_offload = $1
				interface = eth0
			}
		}
	END
}

states() {
	ip xfrm state list | grep -c '^src'
}

policies() {
	# shellcheck disable=SC2126 # sockets have some of their own
	ip xfrm policy list | grep '^src' | wc -l
}

is() { # WORD VALUE
	[ "$1" = "$2" ] || { echo "$1 instead of $2"; return 1; }
}

stat_is() { # NAME VALUE
	is "$(nic_stat "$1")" "$2"
}

# says STATUS TEXT COMMAND...: its status, and TEXT in what it says; never a byte of a key
says() {
	local want=$1 text=$2 said status
	shift 2
	said=$("$@" 2>&1)
	status=$?
	case $said in *"$(key "$out" 36 | cut -c 3-18)"*) echo "a key in: $said"; return 1 ;; esac
	case $said in *"$text"*) [ "$status" = "$want" ] && return 0 ;; esac
	echo "status $status: $said"
	return 1
}

quiet() { # STATUS COMMAND...: that status and not a word on stdout
	local want=$1 said
	shift
	said=$("$@" 2>/dev/null)
	is "$?:$said" "$want:"
}

# hears PORT: a datagram to the group's PORT, within 20 s
hears() {
	timeout $((20 * LAB_SLOW)) socat -u "UDP4-RECV:$1,ip-add-membership=$GROUP:eth0,reuseaddr" STDOUT | head -c 5
}

applied() {
	pair 128 >/tmp/pair
	t "check" quiet 0 manual check /tmp/pair
	t "diff says what is to come" says 1 "+ state out: esp spi 0x0000" manual diff /tmp/pair
	t "and did nothing" is "$(states)" 0
	t "apply" says 0 "+ policy in: in $peer/32 -> $me/32" manual apply /tmp/pair
	t "two states" is "$(states)" 2
	t "again: nothing to do" quiet 0 manual apply /tmp/pair
	t "nothing differs" quiet 0 manual diff /tmp/pair
	if on_espnic; then
		t "both are in the device" stat_is ipsec_sas 2
		t "their policies too" stat_is ipsec_policies 2
		t "software blocks stand under them" is "$(policies)" 6
	fi
}

changed() {
	t "traffic is protected by the device" grew tx_protected pings $RIGHT4
	t "and opened by it" grew rx_unprotected pings $RIGHT4
	t "TCP, every byte compared" "$here/traffic.py" tcp $RIGHT4 400000
	pair 256 >/tmp/pair.256
	t "another window" says 0 "~ state in: esp spi 0x00002001 $RIGHT4 -> $LEFT4: replay_window 128 -> 256" \
		manual apply /tmp/pair.256
	t "traffic goes on" pings $RIGHT4
	sed "s/priority = 100/priority = 90/" /tmp/pair.256 >/tmp/pair.90
	t "another priority" says 0 "policy out: out $LEFT4/32 -> $RIGHT4/32: priority 100 -> 90" manual apply /tmp/pair.90
	t "traffic goes on by the new policies" grew tx_protected pings $RIGHT4
	sed "s/esp = aes256gcm16-esn/&\n\t\t\trekey_packets = 1M\n\t\t\tlife_packets = 2M/" /tmp/pair.90 >/tmp/pair.life
	t "limits of both states" says 0 "life_packets 0 -> 2097152" manual apply /tmp/pair.life
	t "numbers go on under the same key" pings $RIGHT4
}

refusals() {
	local before
	before=$(states)
	one packet aes256gcm16 "$(key one 36)" "" |
		sed "s/direction = out/direction = in\n\t\t\t\treplay_window = 16/" >/tmp/small
	t "packet offload of what the device lacks: the driver's words" \
		says 2 "espnic: replay window 16: packet offload takes 0 or 32 to 4096" manual apply /tmp/small
	one crypto aes256-sha256 "$(key one 32)" "$(key two 32)" >/tmp/one
	t "crypto offload that Linux would leave out without a word" \
		says 2 "not offloaded: espnic: in crypto mode only AEADs can be offloaded" manual apply /tmp/one
	{ pair 64; cat /tmp/small; } >/tmp/both
	t "a file of which one state is refused" says 2 "replay window 16" manual apply /tmp/both
	t "left nothing behind" is "$(states)" "$before"
	t "and undid what it had changed" quiet 0 manual diff /tmp/pair.life
	sed "s/interface = eth0/interface = lo/" /tmp/pair.life >/tmp/lo
	t "a device without offload" says 2 "interface 'lo' has no ESP offload" manual apply /tmp/lo
	sed "s/interface = eth0/interface = eth9/" /tmp/pair.life >/tmp/lo
	t "no device" says 2 "no interface 'eth9'" manual apply /tmp/lo
	chmod 644 /tmp/lo
	t "keys for all to read" says 2 "chmod 600" manual apply /tmp/lo
	t "traffic never stopped" pings $RIGHT4
}

# Linux takes all offloaded states and policies out, silently; what blocks underneath stays.
down_and_up() {
	ip link set eth0 down
	t "down: the states are gone" is "$(states)" 0
	t "down: apply says why it can't" says 2 "interface 'eth0' is down" manual apply /tmp/pair.life
	ip link set eth0 up
	t "up: four policies block" eventually is "$(policies)" 4
	t "up: nothing leaves" no_ping -c 3 $RIGHT4
	t "diff sees it" says 1 "+ state out" manual diff /tmp/pair.life
	t "apply brings it back" says 0 "+ policy in" manual apply /tmp/pair.life
	t "and traffic with it" eventually pings $RIGHT4
}

multicast() {
	group >/tmp/group
	t "group: apply" says 0 "+ state ah: ah spi 0x00003001 $LEFT4 -> $GROUP" manual apply /tmp/group
	ip route replace $GROUP/32 dev eth0
	lab-barrier group-up
	if [ "$LAB_SIDE" = right ]; then
		hears $PORT >/out/heard.ah &
		local ah=$!
		hears $((PORT + 1)) >/out/heard.esp &
		sleep 1
		lab-barrier group-listens
		wait "$ah" $!
	else
		lab-barrier group-listens
		t "AH to many" eval "echo ah-ok | socat -u - UDP4-SENDTO:$GROUP:$PORT && eventually grep -q ah-ok /out/heard.ah"
		t "ESP to many, by the device" grew tx_protected \
			eval "echo es-ok | socat -u - UDP4-SENDTO:$GROUP:$((PORT + 1)) && eventually grep -q es-ok /out/heard.esp"
	fi
	lab-barrier group-heard 120
	t "group: delete" says 0 "- policy esp" manual delete /tmp/group
}

lab-barrier start 120
applied
covered pair $LEFT4/32 $RIGHT4/32
if [ "$LAB_SIDE" = right ]; then
	"$here/traffic.py" serve &
fi
lab-barrier applied
if [ "$LAB_SIDE" = left ]; then
	changed
	refusals
	down_and_up
fi
lab-barrier finished 240
uncovered pair
t "delete" says 0 "- state out" manual delete /tmp/pair
t "nothing is left" is "$(states) $(policies)" "0 0"
t "again: nothing to do" quiet 0 manual delete /tmp/pair
lab-barrier deleted
multicast
lab-barrier end 120
exit "$tap_failed"
