# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# espnic-ike in the left guest and strongSwan in the right one, for scripts that have sourced lib.sh: who is who, and how they start.
# shellcheck disable=SC2016,SC2034 # the inner shell expands; the scripts use them

tree=$(readlink -f "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..")
unpacked=$tree/.platform/unpacked
ike=$tree/build/libexec/espnic-ike
WAIT=$((60 * LAB_SLOW)) # seconds for one exchange
if [ "$LAB_SIDE" = left ]; then
	vici=/run/espnic-ike.vici
else
	vici=/run/charon.vici
fi

# strongSwan's plugins are looked for in /usr/lib/ipsec: its unpacked packages are laid over the guest's, for it alone, for
# the kernel's modules are mounted underneath and would be hidden.
strongswan() { # PROGRAM ARGUMENT...
	STRONGSWAN_CONF=/tmp/strongswan.conf LD_LIBRARY_PATH=/usr/lib/ipsec exec unshare --mount sh -c '
		mount -t overlay overlay -o "lowerdir=$0/usr/lib:/usr/lib" /usr/lib && exec "$@"' "$unpacked" "$@"
}

swanctl() {
	(strongswan "$unpacked/usr/sbin/swanctl" "$@" --uri "unix://$vici")
}

strongswan_conf() {
	cat <<-END
		charon-systemd {
			load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey hmac kdf gcm curve25519 drbg kernel-netlink socket-default vici
			journal {
				default = -1
			}
			filelog {
				log {
					path = /out/charon.log
					default = 1
					flush_line = yes
				}
			}
			plugins {
				vici {
					socket = unix://$vici
				}
			}
			install_routes = no
			rsa_pss = yes
		}
		swanctl {
			load = openssl pem pkcs1 pkcs8 x509
		}
	END
}

there() {
	[ -S "$vici" ] && swanctl --version >/dev/null
}

# daemon_run: this side's, instead of this shell
daemon_run() {
	if [ "$LAB_SIDE" = left ]; then
		exec "$ike" run --log-times 2>>/out/ike.log
	else
		strongswan "$unpacked/usr/sbin/charon-systemd" >>/out/charon.out 2>&1
	fi
}

# daemon_up: it runs beside this shell, with its number in $daemon
daemon_up() {
	strongswan_conf >/tmp/strongswan.conf
	modprobe overlay
	daemon_run &
	daemon=$!
	eventually there || die "the daemon does not start"
}
