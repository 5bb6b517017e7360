#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/bench/ike/strongswan.sh DEST
#
# Debian's strongSwan has no load-tester. This makes the daemon with it under DEST, once, out of Debian's own source package and with its patches: the plugins that
# a handshake with a secret needs, the load-tester, and vici to count by. A few minutes. Inside the platform.

set -euo pipefail

mkdir -p "$1"
dest=$(readlink -f "$1")
[ ! -e "$dest/complete" ] || exit 0
say() {
	echo "bench-ike: $*" >&2
}
log=$dest/log
: >"$log"
trap 'say "failed; the log is $log"; tail -5 "$log" >&2' ERR

say "fetching strongSwan's source"
# The archives and suites that packages come from, with what stands for their keys
# shellcheck disable=SC2016 # apt-get fills these in
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)' 'Created-By: Packages' | sort -u | while read -r uri suite key; do
	echo "deb-src ${key:+[signed-by=$key] }$uri $suite main"
done >"$dest/sources.list"
rm -rf "$dest/source" "$dest/lists"
mkdir -p "$dest/source" "$dest/lists/partial"
apt=(apt-get -q -o "Dir::Etc::SourceList=$dest/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$dest/lists" -o APT::Sandbox::User=root)
"${apt[@]}" update >>"$log" 2>&1
cd "$dest/source"
"${apt[@]}" source --download-only --only-source strongswan/trixie-security >>"$log" 2>&1 || "${apt[@]}" source --download-only --only-source strongswan >>"$log" 2>&1

# Without dpkg-dev: the archives, and the patches in their order
for archive in strongswan_*.orig.tar.* strongswan_*.debian.tar.*; do
	case $archive in *.asc) continue ;; esac
	python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(filter="data")' "$archive"
done
cd strongswan-*/
grep -v '^#' ../debian/patches/series | while read -r name; do
	[ -z "$name" ] || busybox patch -p1 <"../debian/patches/$name" >>"$log"
done

say "building it"
./configure --prefix="$dest/usr" --disable-defaults --enable-charon --enable-ikev2 --enable-openssl --enable-nonce --enable-random --enable-kdf --enable-drbg \
	--enable-hmac --enable-pem --enable-pkcs1 --enable-x509 --enable-pubkey --enable-constraints --enable-kernel-netlink --enable-socket-default \
	--enable-load-tester --enable-vici --with-piddir=/run/bench-ike CFLAGS=-O2 >>"$log" 2>&1
# Debian's patches are newer than what was generated
make=(make ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=:)
"${make[@]}" -j"$(nproc)" >>"$log" 2>&1
"${make[@]}" install >>"$log" 2>&1
basename "$PWD" | tr -d '\n' >"$dest/version"
cd "$dest"
rm -rf source lists
touch complete
