// SPDX-License-Identifier: BSD-2-Clause
/* Readers of values and tables of keys: what is taken, and the exact error of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/value.h"

struct object {
	bool flag;
	uint32_t n;
	uint64_t count, seconds;
	int choice;
	const char *text;
	struct espnic_addr addr;
	struct espnic_prefix prefix;
	struct espnic_mark mark;
	struct espnic_secret secret;
	int subs;
};

static const struct espnic_conf_range small = { 1, 4096 };
static const struct espnic_conf_choice choices[] = {
	{ "one", 1, NULL }, { "two", 2, NULL }, { "three", 3, "three is too many" }, { NULL, 0, NULL }
};

static int count_sub(const struct espnic_conf_node *node, void *field, const void *arg,
		     struct espnic_conf_error *err)
{
	(void)arg;
	if (!node->first)
		return espnic_conf_fail(err, node, "empty");
	++*(int *)field;
	return 0;
}

#define FIELD(key, reader, member, arg) \
	{ key, ESPNIC_CONF_KEY, reader, offsetof(struct object, member), arg }

static const struct espnic_conf_entry table[] = {
	FIELD("flag", espnic_conf_bool, flag, NULL),
	FIELD("n", espnic_conf_u32, n, &small),
	FIELD("count", espnic_conf_count, count, NULL),
	FIELD("seconds", espnic_conf_seconds, seconds, NULL),
	FIELD("choice", espnic_conf_enum, choice, choices),
	FIELD("text", espnic_conf_string, text, NULL),
	FIELD("addr", espnic_conf_addr, addr, NULL),
	FIELD("prefix", espnic_conf_prefix, prefix, NULL),
	FIELD("mark", espnic_conf_mark, mark, NULL),
	FIELD("secret", espnic_conf_secret, secret, NULL),
	{ "old", ESPNIC_CONF_KEY, NULL, 0, "IKEv1 is not supported" },
	{ "sub", ESPNIC_CONF_SUB, count_sub, offsetof(struct object, subs), NULL },
	{ "many-", ESPNIC_CONF_SUBS, count_sub, offsetof(struct object, subs), NULL },
	{ NULL, ESPNIC_CONF_KEY, NULL, 0, NULL },
};

static const char *fill(const char *text, struct object *o)
{
	static struct espnic_conf_error err;
	struct espnic_conf *conf = espnic_conf_parse("f", text, strlen(text), &err);
	int rc;

	memset(o, 0, sizeof(*o));
	if (!conf)
		return err.text;
	rc = espnic_conf_fill(espnic_conf_section(espnic_conf_root(conf), "s"), table, o, &err);
	/* its text is the tree's */
	o->text = o->text ? "given" : NULL;
	espnic_conf_free(conf);
	return rc ? err.text : NULL;
}

static void wrong(const char *line, const char *want)
{
	char text[1024];
	struct object o;
	const char *err;

	snprintf(text, sizeof(text), "s {\n%s\n}", line);
	err = fill(text, &o);
	if (!err)
		fail_msg("taken: %s", line);
	assert_string_equal(err, want);
}

static struct object right(const char *line)
{
	char text[1024];
	struct object o;
	const char *err;

	snprintf(text, sizeof(text), "s {\n%s\n}", line);
	err = fill(text, &o);
	if (err)
		fail_msg("%s: %s", line, err);
	return o;
}

static void test_scalars(void **state)
{
	(void)state;
	assert_true(right("flag = Yes").flag);
	assert_false(right("flag = 0").flag);
	assert_int_equal(right("n = 4096").n, 4096);
	assert_int_equal(right("n = 0x10").n, 16);
	assert_int_equal(right("count = 18446744073709551615").count, UINT64_MAX);
	assert_int_equal(right("count = 3M").count, 3 << 20);
	assert_int_equal(right("seconds = 2h").seconds, 7200);
	assert_int_equal(right("seconds = 90").seconds, 90);
	assert_int_equal(right("choice = two").choice, 2);
	assert_non_null(right("text = hello world").text);
	assert_int_equal(right("n =").n, 0);

	wrong("flag = maybe", "f:2: s.flag: 'maybe' is neither yes nor no");
	wrong("flag = \"\"", "f:2: s.flag: '' is neither yes nor no");
	wrong("n = 0", "f:2: s.n: '0' is no number from 1 to 4096");
	wrong("n = 4097", "f:2: s.n: '4097' is no number from 1 to 4096");
	wrong("n = -1", "f:2: s.n: '-1' is no number from 1 to 4096");
	wrong("n = 1x", "f:2: s.n: '1x' is no number from 1 to 4096");
	wrong("n = 0x", "f:2: s.n: '0x' is no number from 1 to 4096");
	wrong("n = 0x-1", "f:2: s.n: '0x-1' is no number from 1 to 4096");
	wrong("n = 99999999999999999999", "f:2: s.n: '99999999999999999999' is no number from 1 to 4096");
	wrong("count = 17179869184G",
	      "f:2: s.count: '17179869184G' is no count (a number, with k, M or G behind it or not)");
	wrong("seconds = 1w", "f:2: s.seconds: '1w' is no time (a number, with s, m, h or d behind it or not)");
	wrong("choice = four", "f:2: s.choice: 'four' is none of: one, two");
	wrong("choice = three", "f:2: s.choice: three: three is too many");
}

static void test_addresses(void **state)
{
	struct object o;
	char text[ESPNIC_ADDR_TEXT];

	(void)state;
	o = right("addr = 192.0.2.1");
	assert_string_equal(espnic_addr_text(&o.addr, text, sizeof(text)), "192.0.2.1");
	o = right("addr = 2001:db8::1");
	assert_string_equal(espnic_addr_text(&o.addr, text, sizeof(text)), "2001:db8::1");
	o = right("prefix = 192.0.2.0/23");
	assert_string_equal(espnic_prefix_text(&o.prefix, text, sizeof(text)), "192.0.2.0/23");
	o = right("prefix = ::/0");
	assert_string_equal(espnic_prefix_text(&o.prefix, text, sizeof(text)), "::/0");
	o = right("prefix = 192.0.2.1");
	assert_int_equal(o.prefix.len, 32);

	wrong("addr = 192.0.2", "f:2: s.addr: '192.0.2' is no IPv4 or IPv6 address");
	wrong("addr = 192.0.2.1/32", "f:2: s.addr: '192.0.2.1/32' is no IPv4 or IPv6 address");
	wrong("prefix = 192.0.2.0/33",
	      "f:2: s.prefix: '192.0.2.0/33' is no IPv4 or IPv6 prefix (no bits may be set behind it)");
	wrong("prefix = 192.0.2.1/24",
	      "f:2: s.prefix: '192.0.2.1/24' is no IPv4 or IPv6 prefix (no bits may be set behind it)");
	wrong("prefix = 2001:db8::/-1",
	      "f:2: s.prefix: '2001:db8::/-1' is no IPv4 or IPv6 prefix (no bits may be set behind it)");
	wrong("prefix = ::/ ",
	      "f:2: s.prefix: '::/' is no IPv4 or IPv6 prefix (no bits may be set behind it)");
}

static void test_marks(void **state)
{
	struct object o;

	(void)state;
	o = right("mark = 0x10/0xff");
	assert_int_equal(o.mark.value, 0x10);
	assert_int_equal(o.mark.mask, 0xff);
	assert_int_equal(right("mark = 7").mark.mask, UINT32_MAX);
	wrong("mark = 0x100/0xff",
	      "f:2: s.mark: '0x100/0xff' is no mark (VALUE or VALUE/MASK, 32 bits, no bit of the value outside of the mask)");
	wrong("mark = 1/",
	      "f:2: s.mark: '1/' is no mark (VALUE or VALUE/MASK, 32 bits, no bit of the value outside of the mask)");
}

static void secret_is(const char *line, const char *bytes, size_t len)
{
	struct object o = right(line);

	assert_int_equal(o.secret.len, len);
	assert_memory_equal(o.secret.bytes, bytes, len);
}

static void test_secrets(void **state)
{
	static const char want[] =
		"f:2: s.secret: no key: 0x and an even number of hexadecimal digits, or 0s and base64, of at most 256 bytes";
	static const char *const bad[] = { "0x",   "0x1",  "0x1g",  "12",    "0s",	"0sQ",	"0sQQ==Q",
					   "0sQR==", "0sQUJ", "0sQUI=x", "0sQ Q=", "0s====", "0sQUI==" };
	char line[700];
	size_t i;

	(void)state;
	secret_is("secret = 0x00ffAb", "\x00\xff\xab", 3);
	/* RFC 4648 section 10, and the same without padding */
	secret_is("secret = 0sZg==", "f", 1);
	secret_is("secret = 0sZm8=", "fo", 2);
	secret_is("secret = 0sZm9v", "foo", 3);
	secret_is("secret = 0sZm9vYmE", "fooba", 5);
	secret_is("secret = 0s/+8=", "\xff\xef", 2);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "secret = %s", bad[i]);
		wrong(line, want);
	}
	strcpy(line, "secret = 0x");
	memset(line + 11, '0', 514);
	line[11 + 514] = 0;
	wrong(line, want);
	line[11 + 512] = 0;
	assert_int_equal(right(line).secret.len, 256);
}

static void test_table(void **state)
{
	struct object o;

	(void)state;
	assert_int_equal(right("sub { x = 1 }\nmany-1 { x = 1 }\nmany-2 { x = 1 }").subs, 3);
	wrong("nothing = 1", "f:2: s.nothing: unknown key");
	wrong("\nnothing { }", "f:3: s.nothing: unknown section");
	wrong("flag { }", "f:2: s.flag: unknown section");
	wrong("sub = 1", "f:2: s.sub: unknown key");
	wrong("many-1 { }", "f:2: s.many-1: empty");
	wrong("old = 1", "f:2: s.old: IKEv1 is not supported");
	/* a key of nothing asks for nothing, but must be known */
	right("old =");
	wrong("nothing =", "f:2: s.nothing: unknown key");
	/* what a template brings is told with the template's line */
	assert_string_equal(fill("t {\n nothing = 1 }\ns : t { }", &o), "f:2: s.nothing: unknown key");
	/* a section others take from may stand anywhere */
	assert_null(fill("s { t { x = 1 }\n sub : s.t { } }", &o));
	assert_int_equal(o.subs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),	  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_marks),	  cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
