# SPDX-License-Identifier: BSD-2-Clause
"""Two peers that owe espnic nothing: scapy, and ESP and AH written out over `cryptography`.

Where scapy 2.6 is left out, because it cannot or does it wrong:
- AES-GCM with ICVs of 8 and 12 bytes: it always makes and expects 16.
- AES-XCBC-96 and AH with AES-GMAC it does not have.
- ESP in UDP behind IPv6 extension headers: it names UDP in the IPv6 header, and leaves ESP in the last extension.
The written-out peer knows all of these, without options and extension headers.
"""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms, modes
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import AH, ESP, SecurityAssociation

from packets import checksum

ESP_PROTO, AH_PROTO, UDP_PROTO, IPIP, IPV6 = 50, 51, 17, 4, 41
NATT_PORT = 4500

SCAPY_ENC = {"aes-gcm": "AES-GCM", "aes-gmac": "AES-NULL-GMAC", "aes-ccm": "AES-CCM",
             "chacha20-poly1305": "CHACHA20-POLY1305", "aes-cbc": "AES-CBC", "aes-ctr": "AES-CTR", "3des-cbc": "3DES",
             "null": "NULL"}
SCAPY_AUTH = {"none": "NULL", "hmac-md5-96": "HMAC-MD5-96", "hmac-sha1-96": "HMAC-SHA1-96",
              "hmac-sha256-128": "SHA2-256-128", "hmac-sha384-192": "SHA2-384-192", "hmac-sha512-256": "SHA2-512-256",
              "aes-cmac-96": "AES-CMAC-96"}


class Refused(Exception):
    """The peer does not take the packet."""


def as_packet(raw):
    return IP(raw) if raw[0] >> 4 == 4 else IPv6(raw)


class Scapy:
    name = "scapy"

    @staticmethod
    def knows(sa):
        return SCAPY_ENC.get(sa["enc"]) and SCAPY_AUTH.get(sa["auth"]) and \
            not (sa["enc"] == "aes-gcm" and sa["icv_len"] != 16)

    @staticmethod
    def knows_extensions(sa):
        return "udp_encap" not in sa

    def __init__(self, sa):
        outer = nat = None
        if sa["mode"] == "tunnel":
            outer = (IP if ":" not in sa["tunnel"]["src"] else IPv6)(src=sa["tunnel"]["src"], dst=sa["tunnel"]["dst"])
        if "udp_encap" in sa:
            nat = UDP(sport=NATT_PORT, dport=NATT_PORT)
        esp = sa["proto"] == "esp"
        self.sa = SecurityAssociation(
            ESP if esp else AH, sa["spi"],
            crypt_algo=SCAPY_ENC[sa["enc"]] if esp else None,
            crypt_key=bytes.fromhex(sa["enc_key"] + sa["salt"]) or None, crypt_icv_size=sa["icv_len"] if sa["aead"] else None,
            auth_algo=SCAPY_AUTH[sa["auth"]], auth_key=bytes.fromhex(sa["auth_key"]),
            tunnel_header=outer, nat_t_header=nat, esn_en=sa["esn"])

    def seal(self, clear, seq, iv):
        extra = {"iv": iv} if self.sa.proto is ESP else {}
        # A sequence number given as 0 would count as none given
        self.sa.seq_num = seq & 0xffffffff
        return bytes(self.sa.encrypt(as_packet(clear), esn=seq >> 32, **extra))

    def open(self, sealed, seq):
        return bytes(self.sa.decrypt(as_packet(sealed), esn=seq >> 32))


def xcbc(key, data):
    """AES-XCBC-MAC-96 (RFC 3566 section 4)."""
    def ecb(k, block):
        e = Cipher(algorithms.AES(k), modes.ECB()).encryptor()
        return e.update(block) + e.finalize()

    def xor(a, b):
        return bytes(x ^ y for x, y in zip(a, b))

    k1, k2, k3 = (ecb(key, bytes([n]) * 16) for n in (1, 2, 3))
    blocks = [data[i:i + 16] for i in range(0, len(data), 16)] or [b""]
    last = blocks.pop()
    state = bytes(16)
    for block in blocks:
        state = ecb(k1, xor(state, block))
    last, k = (last, k2) if len(last) == 16 else ((last + b"\x80").ljust(16, b"\0"), k3)
    return ecb(k1, xor(xor(state, last), k))[:12]


HMACS = {"hmac-md5-96": (hashes.MD5, 12), "hmac-sha1-96": (hashes.SHA1, 12), "hmac-sha256-128": (hashes.SHA256, 16),
         "hmac-sha384-192": (hashes.SHA384, 24), "hmac-sha512-256": (hashes.SHA512, 32)}


def mac(auth, key, data):
    if auth in HMACS:
        digest, size = HMACS[auth]
        h = hmac.HMAC(key, digest())
        h.update(data)
        return h.finalize()[:size]
    if auth == "aes-cmac-96":
        c = cmac.CMAC(algorithms.AES(key))
        c.update(data)
        return c.finalize()[:12]
    return xcbc(key, data)


class WrittenOut:
    """RFC 4303 and 4302 for packets without options and extension headers."""
    name = "written out"

    @staticmethod
    def knows(_sa):
        return True

    def __init__(self, sa):
        self.sa = sa
        self.key, self.salt = bytes.fromhex(sa["enc_key"]), bytes.fromhex(sa["salt"])
        self.auth_key = bytes.fromhex(sa["auth_key"])

    # ---- cryptography of ESP

    def aad(self, seq):
        hi = struct.pack("!I", seq >> 32) if self.sa["esn"] else b""
        return struct.pack("!I", self.sa["spi"]) + hi + struct.pack("!I", seq & 0xffffffff)

    def gcm(self, nonce):
        return Cipher(algorithms.AES(self.key), modes.GCM(nonce)).encryptor()

    def aead_seal(self, seq, iv, plain):
        enc, nonce, icv = self.sa["enc"], self.salt + iv, self.sa["icv_len"]
        if enc == "aes-gcm":
            e = self.gcm(nonce)
            e.authenticate_additional_data(self.aad(seq))
            text = e.update(plain) + e.finalize()
            return text + e.tag[:icv]
        if enc == "aes-gmac":
            e = self.gcm(nonce)
            e.authenticate_additional_data(self.aad(seq) + iv + plain)
            e.finalize()
            return plain + e.tag
        if enc == "aes-ccm":
            return aead.AESCCM(self.key, icv).encrypt(nonce, plain, self.aad(seq))
        return aead.ChaCha20Poly1305(self.key).encrypt(nonce, plain, self.aad(seq))

    def cipher(self, iv):
        modes_of = {"aes-cbc": lambda: Cipher(algorithms.AES(self.key), modes.CBC(iv)),
                    "3des-cbc": lambda: Cipher(algorithms.TripleDES(self.key), modes.CBC(iv)),
                    "aes-ctr": lambda: Cipher(algorithms.AES(self.key), modes.CTR(self.salt + iv + b"\0\0\0\1"))}
        return modes_of[self.sa["enc"]]()

    def icv(self, seq, esp):
        hi = struct.pack("!I", seq >> 32) if self.sa["esn"] else b""
        return mac(self.sa["auth"], self.auth_key, esp + hi)

    def esp_seal(self, seq, iv, payload, next_header):
        block = max(4, {"aes-cbc": 16, "3des-cbc": 8}.get(self.sa["enc"], 4))
        pad = -(len(payload) + 2) % block
        plain = payload + bytes(range(1, pad + 1)) + bytes((pad, next_header))
        head = struct.pack("!II", self.sa["spi"], seq & 0xffffffff) + iv
        if self.sa["aead"]:
            return head + self.aead_seal(seq, iv, plain)
        if self.sa["enc"] != "null":
            e = self.cipher(iv).encryptor()
            plain = e.update(plain) + e.finalize()
        return head + plain + self.icv(seq, head + plain)

    def esp_open(self, esp, seq):
        iv, body = esp[8:8 + self.sa["iv_len"]], esp[8 + self.sa["iv_len"]:-self.sa["icv_len"]]
        plain = body
        if self.sa["enc"] in ("aes-gcm", "aes-gmac"):
            # Of a cut ICV the library will not judge: CTR from 2 undoes GCM, sealing again proves it.
            if self.sa["enc"] == "aes-gcm":
                d = Cipher(algorithms.AES(self.key), modes.CTR(self.salt + iv + b"\0\0\0\2")).decryptor()
                plain = d.update(body) + d.finalize()
            if self.aead_seal(seq, iv, plain) != esp[8 + len(iv):]:
                raise Refused("ICV")
        elif self.sa["aead"]:
            with_icv = esp[8 + len(iv):]
            try:
                plain = (aead.AESCCM(self.key, self.sa["icv_len"]) if self.sa["enc"] == "aes-ccm"
                         else aead.ChaCha20Poly1305(self.key)).decrypt(self.salt + iv, with_icv, self.aad(seq))
            except InvalidTag as err:
                raise Refused("ICV") from err
        else:
            if self.icv(seq, esp[:-self.sa["icv_len"]]) != esp[-self.sa["icv_len"]:]:
                raise Refused("ICV")
            if self.sa["enc"] != "null":
                d = self.cipher(iv).decryptor()
                plain = d.update(body) + d.finalize()
        pad, next_header = plain[-2:]
        if plain[-2 - pad:-2] != bytes(range(1, pad + 1)):
            raise Refused("padding")
        return plain[:-2 - pad], next_header

    # ---- headers

    def outer(self, inner):
        """(header without lengths, payload, next header) in front of which ESP or AH goes."""
        if self.sa["mode"] == "transport":
            size = 20 if inner[0] >> 4 == 4 else 40
            return inner[:size], inner[size:], inner[9] if size == 20 else inner[6]
        src, dst = (as_bytes(self.sa["tunnel"][k]) for k in ("src", "dst"))
        head = (struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0x4000, 64, 0, 0) if len(src) == 4
                else struct.pack("!IHBB", 6 << 28, 0, 0, 64)) + src + dst
        return head, inner, IPIP if inner[0] >> 4 == 4 else IPV6

    def natt(self, esp):
        return struct.pack("!HHHH", NATT_PORT, NATT_PORT, 8 + len(esp), 0) + esp

    def seal(self, clear, seq, iv):
        head, payload, next_header = self.outer(clear)
        if self.sa["proto"] == "ah":
            return self.ah_seal(head, payload, next_header, seq, iv)
        esp = self.esp_seal(seq, iv, payload, next_header)
        if "udp_encap" in self.sa:
            return lengths(head, UDP_PROTO, self.natt(esp))
        return lengths(head, ESP_PROTO, esp)

    def inner(self, head, payload, next_header):
        return payload if self.sa["mode"] == "tunnel" else lengths(head, next_header, payload)

    def open(self, sealed, seq):
        size = 20 if sealed[0] >> 4 == 4 else 40
        head, body = sealed[:size], sealed[size:]
        if self.sa["proto"] == "ah":
            return self.ah_open(head, body, seq)
        payload, next_header = self.esp_open(body[8:] if "udp_encap" in self.sa else body, seq)
        return self.inner(head, payload, next_header)

    # ---- AH

    def ah_icv(self, packet, at, seq, iv):
        """@at: where the ICV stands; it and all that may change are zero (RFC 4302 section 3.3.3.1)."""
        p = bytearray(packet)
        if p[0] >> 4 == 4:
            p[1], p[6:8], p[8], p[10:12] = 0, b"\0\0", 0, b"\0\0"
        else:
            p[0:4], p[7] = b"\x60\0\0\0", 0
        p[at:at + self.sa["icv_len"]] = bytes(self.sa["icv_len"])
        data = bytes(p) + (struct.pack("!I", seq >> 32) if self.sa["esn"] else b"")
        if self.sa["auth"] != "aes-gmac":
            return mac(self.sa["auth"], self.auth_key, data)
        # RFC 4543 section 7: the IV, in front of the ICV, is the nonce and is authenticated as well
        e = Cipher(algorithms.AES(self.auth_key), modes.GCM(self.salt + iv)).encryptor()
        e.authenticate_additional_data(data)
        e.finalize()
        return e.tag

    def ah_seal(self, head, payload, next_header, seq, iv):
        field = iv + bytes(self.sa["icv_len"])
        unit = 4 if len(head) == 20 else 8
        field += bytes(-(12 + len(field)) % unit)
        ah = struct.pack("!BBHII", next_header, (12 + len(field)) // 4 - 2, 0, self.sa["spi"], seq & 0xffffffff) + field
        packet = lengths(head, AH_PROTO, ah + payload)
        at = len(head) + 12 + len(iv)
        icv = self.ah_icv(packet, at, seq, iv)
        return packet[:at] + icv + packet[at + len(icv):]

    def ah_open(self, head, body, seq):
        iv = body[12:12 + self.sa["iv_len"]]
        at = len(head) + 12 + len(iv)
        packet = head + body
        if self.ah_icv(packet, at, seq, iv) != packet[at:at + self.sa["icv_len"]]:
            raise Refused("ICV")
        return self.inner(head, body[4 * (body[1] + 2):], body[0])


def as_bytes(address):
    import ipaddress
    return ipaddress.ip_address(address).packed


def lengths(head, proto, payload):
    """The IP header @head in front of @payload, its lengths, protocol and checksum made right."""
    if head[0] >> 4 == 6:
        return head[:4] + struct.pack("!HB", len(payload), proto) + head[7:] + payload
    head = head[:2] + struct.pack("!H", 20 + len(payload)) + head[4:9] + bytes((proto, 0, 0)) + head[12:]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
