"""Messages that are wrong: each gets an error, or its sender is cut off."""

import random

from hostile_world import LIST_VMS, HostileTest, attach, call_text, nested, probe

LONGEST_CALL = 64 * 1024


class Malformed(HostileTest):
    def test_oversized(self):
        shell = len(probe('""'))
        self.expect("BadName", probe('"' + "x" * (LONGEST_CALL - shell) + '"'))
        self.expect("closed", probe('"' + "x" * (LONGEST_CALL - shell + 1) + '"'),
                    b" " * 10 * LONGEST_CALL + LIST_VMS)
        self.assertEqual(self.fate(b"x" * (1 << 20)), "closed")

    def test_nested(self):
        self.expect_refusal("vm", probe(nested(63)), probe(nested(1000)), probe(nested(30000)))
        self.expect("closed", nested(1000).encode(), nested(30000).encode(), b"[" * 60000,
                    b'{"method":' * 6000, LIST_VMS[:-1] + b',"x.y":' + nested(100).encode() + b"}")

    def test_not_utf8(self):
        for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82",
                    b"\x80"):
            self.expect("closed", probe('"@"').replace(b"@", bad), bad, LIST_VMS[:-2] + bad + b'"}')

    def test_surrogates_and_nul_characters(self):
        self.expect("closed", probe(r'"\ud800"'), probe(r'"\udc00\ud800"'), probe(r'"\ud800x"'),
                    LIST_VMS[:-2] + rb'\u0000"}', LIST_VMS[:-1] + rb',"a.b\u0000":1}',
                    call_text("Probe", r'{"v\u0000m":"gone"}'))
        self.expect_refusal("vm", probe(r'"gone\u0000"'))

    def test_duplicates(self):
        self.expect_refusal("vm", call_text("Probe", '{"vm":"gone","vm":"gone"}'))
        self.expect("closed", LIST_VMS[:-1] + b',"more":true,"more":true}',
                    b'{"method":"a.b.C",' + LIST_VMS[1:])

    def test_wrong_types(self):
        self.expect("closed", b"null", b"7", b'"text"', b"[]", b"[" + LIST_VMS + b"]",
                    b'{"method":null}', b'{"method":7}', b'{"method":["a.b.C"]}', b"{}",
                    *(LIST_VMS[:-1] + extra for extra in (
                        b',"parameters":[]}', b',"parameters":"x"}', b',"more":1}',
                        b',"oneway":"true"}', b',"upgrade":{}}', b',"more":true,"oneway":true}')))
        for wrong in ("7", "true", "[]", "{}", "null", '""', "1.5"):
            self.expect_refusal("vm", probe(wrong))

    def test_unknown_fields(self):
        self.expect_refusal("bogus", call_text("ListVms", '{"bogus":null}'))
        self.expect("closed", LIST_VMS[:-1] + b',"id":1}', b'{"jsonrpc":"2.0",' + LIST_VMS[1:])
        self.expect("", LIST_VMS[:-1] + b',"org.example.trace":{"id":1}}')

    def test_large_integers(self):
        for number in ("9223372036854775808", "18446744073709551615", "18446744073709551616",
                       "-9223372036854775809", "1" + "0" * 300, "1e3", "4096.0"):
            self.expect_refusal("size", attach(f'"size":{number}'))
        for number in (2**31, 2**32 + 1, 2**53 + 1, 2**63 - 1, -(2**63)):
            self.expect_refusal("slot", attach(f'"slot":{number}'))
            self.expect_refusal("vectors", attach(f'"vectors":{number}'))
        for number in (2**53 + 1, 2**63 - 1, -1, -(2**63)):
            self.expect_refusal("timeoutMs", call_text(
                "Detach", f'{{"vm":"gone","name":"x","timeoutMs":{number}}}'))
        self.expect("closed", attach('"size":1e999'), attach('"size":NaN'), attach('"size":0x10'))

    def test_frames(self):
        self.expect("closed", b"", b" ", LIST_VMS + LIST_VMS, LIST_VMS + b"{}", LIST_VMS + b"x",
                    LIST_VMS[:20] + b"\0" + LIST_VMS[20:], probe('"a\0b"'),
                    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00")
        self.expect("", b"\n\t " + LIST_VMS + b"\r\n")

    def test_mutations(self):
        """Seeded damage to good calls: a good reply, an error or a close."""
        dice = random.Random(20240229)
        seeds = [LIST_VMS, probe('"gone"'), attach('"size":4096,"role":"peer","msi":true'),
                 b'{"method":"org.varlink.service.GetInfo","parameters":{}}']
        for number in range(600):
            message = bytearray(dice.choice(seeds))
            for _ in range(dice.randint(1, 4)):
                at = dice.randrange(len(message))
                message[at:at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
            with self.subTest(number=number, message=bytes(message)):
                self.assertIsNotNone(self.fate(bytes(message) + b"\0"))
