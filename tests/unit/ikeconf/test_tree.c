// SPDX-License-Identifier: BSD-2-Clause
/* The configuration language: what each text means, and the exact error of each that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/tree.h"

static char dir[] = "/tmp/espnic-conf-XXXXXX";

/* The tree as one line: a=1 b{c=2} */
static void flatten(const struct espnic_conf_node *section, char *out, size_t len)
{
	const struct espnic_conf_node *n;

	for (n = section->first; n; n = n->next) {
		if (n->value)
			snprintf(out + strlen(out), len - strlen(out), "%s=%s ", n->name,
				 n->unset ? "-" : n->value);
		else {
			snprintf(out + strlen(out), len - strlen(out), "%s{", n->name);
			flatten(n, out, len);
			snprintf(out + strlen(out), len - strlen(out), "} ");
		}
	}
}

struct good {
	const char *text, *tree;
};

static void test_good(void **state)
{
	static const struct good good[] = {
		{ "", "" },
		{ "# nothing\n\n", "" },
		{ "a = 1", "a=1 " },
		{ "a=1#x\nb =  2  3\t4 \n", "a=1 b=2 3 4 " },
		{ "a = \"x # y\\\"\\n\\\\\" z", "a=x # y\"\n\\ z " },
		{ "a = \"one\\\n two\"", "a=one two " },
		{ "a = \"one\ntwo\"", "a=one\ntwo " },
		{ "a = \"\"", "a= " },
		{ "a =", "a=- " },
		{ "a = 1\na = 2", "a=2 " },
		{ "s { a = 1 }", "s{a=1 } " },
		{ "s { a = 1 }\ns { b = 2 }", "s{a=1 b=2 } " },
		{ "s\n{\n a = 1\n}\n", "s{a=1 } " },
		{ "s { t { a = x{y } }", "s{t{a=x{y } } " },
		{ "include = 1", "include=1 " },
		{ "include { a = 1 }", "include{a=1 } " },
		{ "a { x = 1\n y = 1 }\n b : a { x = 2 }", "a{x=1 y=1 } b{x=2 y=1 } " },
		{ "b : a { x = 2 }\na { x = 1\n y = 1 }", "b{x=2 y=1 } a{x=1 y=1 } " },
		{ "a { x = 1 }\n b : a { x = }", "a{x=1 } b{x=- } " },
		{ "a { s { x = 1\n z = 1 } }\nb : a { s { x = 2 } }", "a{s{x=1 z=1 } } b{s{x=2 z=1 } } " },
		{ "t { u { x = 1 } }\nb : t.u, t { y = 2 }", "t{u{x=1 } } b{y=2 x=1 u{x=1 } } " },
		{ "a { x = 1 }\nb : a { }\nc : b { }", "a{x=1 } b{x=1 } c{x=1 } " },
		{ "a { x = 1 }\nb : a,\n a\n { }", "a{x=1 } b{x=1 } " },
		{ "a = 1\r\nb = 2\r\n", "a=1 b=2 " },
	};
	struct espnic_conf_error err;
	struct espnic_conf *conf;
	char flat[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		err.text[0] = 0;
		conf = espnic_conf_parse("f", good[i].text, strlen(good[i].text), &err);
		if (!conf)
			fail_msg("%s: %s", good[i].text, err.text);
		flat[0] = 0;
		flatten(espnic_conf_root(conf), flat, sizeof(flat));
		assert_string_equal(flat, good[i].tree);
		espnic_conf_free(conf);
	}
}

struct bad {
	const char *text, *err;
};

static void test_bad(void **state)
{
	static const struct bad bad[] = {
		{ "a", "f:1: '=' or '{' was expected after 'a'" },
		{ "\n\na b = 1", "f:3: '=' or '{' was expected after 'a'" },
		{ "= 1", "f:1: a name was expected, not '='" },
		{ "a { = 1 }", "f:1: a name was expected, not '='" },
		{ "\"a\" = 1", "f:1: a name was expected, not '\"'" },
		{ "\n}", "f:2: '}' closes no section" },
		{ "a { } }", "f:1: '}' closes no section" },
		{ "x = 1\na {\n b {\n }\n", "f:2: section 'a', opened here, is never closed" },
		{ "a = 1\nb = \"x\n\n", "f:2: the quotes opened here are never closed" },
		{ "a.b = 1", "f:1: the name of key 'a.b' has a dot" },
		{ "a.b { }", "f:1: the name of section 'a.b' has a dot" },
		{ "include x", "f:1: include is not possible here" },
		{ "include ", "f:1: '=' or '{' was expected after 'include'" },
		{ "a : { }", "f:1: a name was expected, not '{'" },
		{ "a : b", "f:1: '{' was expected after section 'a'" },
		{ "a : b { }", "f:1: a: no section 'b' to take from" },
		{ "a : a { }", "f:1: a: a section can't be its own template" },
		{ "a { b : a { } }", "f:1: a.b: a section can't be its own template" },
		{ "a : b { }\nb : c { }\nc : a { }", "f:1: a: a section can't be its own template" },
		{ "a { x : b { } }\nb : a { }", "f:1: a: a section can't be its own template" },
	};
	struct espnic_conf_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(espnic_conf_parse("f", bad[i].text, strlen(bad[i].text), &err));
		assert_string_equal(err.text, bad[i].err);
	}
	assert_null(espnic_conf_parse("f", "a\0b", 3, &err));
	assert_string_equal(err.text, "f:1: a byte 0: this is no text file");
}

static void refused(const char *text, const char *want)
{
	struct espnic_conf_error err;

	assert_null(espnic_conf_parse("f", text, strlen(text), &err));
	assert_string_equal(err.text, want);
}

/* Names, values, depth and what templates multiply: at the limit, and one past it. */
static void test_limits(void **state)
{
	char *text = calloc(1, 1 << 20), *p;
	struct espnic_conf_error err;
	struct espnic_conf *conf;
	int i;

	(void)state;
	memset(text, 'n', ESPNIC_CONF_NAME);
	strcpy(text + ESPNIC_CONF_NAME, " = 1");
	conf = espnic_conf_parse("f", text, strlen(text), &err);
	assert_non_null(conf);
	espnic_conf_free(conf);
	memset(text, 'n', ESPNIC_CONF_NAME + 1);
	strcpy(text + ESPNIC_CONF_NAME + 1, " = 1");
	refused(text, "f:1: a name longer than 128 bytes");

	strcpy(text, "a = ");
	memset(text + 4, 'v', ESPNIC_CONF_VALUE + 1);
	text[5 + ESPNIC_CONF_VALUE] = 0;
	refused(text, "f:1: a value longer than 65535 bytes");
	text[4] = '"';
	refused(text, "f:1: a value longer than 65535 bytes");

	for (p = text, i = 0; i < ESPNIC_CONF_DEPTH; i++)
		p = stpcpy(p, "s { ");
	for (i = 0; i < ESPNIC_CONF_DEPTH; i++)
		p = stpcpy(p, "} ");
	conf = espnic_conf_parse("f", text, strlen(text), &err);
	assert_non_null(conf);
	espnic_conf_free(conf);
	for (p = text, i = 0; i <= ESPNIC_CONF_DEPTH; i++)
		p = stpcpy(p, "s { ");
	refused(text, "f:1: more than 16 sections in one another");

	/* each section takes the one before it twice */
	p = stpcpy(text, "t0 { a = 1 }\n");
	for (i = 1; i <= 20; i++)
		p += sprintf(p, "t%d { x : t%d { }\n y : t%d { } }\n", i, i - 1, i - 1);
	assert_null(espnic_conf_parse("f", text, strlen(text), &err));
	assert_non_null(strstr(err.text, "with what its templates bring, more than 524288 sections and keys"));
	free(text);
}

/* ---- files ---- */

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Load main.conf of the folder; the error's text without the folder, or the tree. */
static const char *load(char *out, size_t len)
{
	struct espnic_conf_error err = { "" };
	struct espnic_conf *conf;
	char path[128], *at;

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	conf = espnic_conf_load(path, &err);
	out[0] = 0;
	if (conf) {
		flatten(espnic_conf_root(conf), out, len);
		espnic_conf_free(conf);
		return out;
	}
	for (at = err.text; (at = strstr(at, dir)); )
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir)));
	snprintf(out, len, "%s", err.text);
	return out;
}

static void test_include(void **state)
{
	struct espnic_conf_error err;
	struct espnic_conf *conf;
	const struct espnic_conf_node *n;
	char out[512], path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("d/b.conf", "two = 2\n", 0644);
	write_file("d/a.conf", "one = 1\n", 0600);
	write_file("main.conf", "s {\n include d/*.conf\n}\nthree = 3 \n include \"d/a.conf\" # all\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "s{one=1 two=2 } three=3 one=1 ");

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	conf = espnic_conf_load(path, &err);
	assert_non_null(conf);
	n = espnic_conf_section(espnic_conf_root(conf), "s")->first;
	assert_non_null(strstr(n->file, "/d/a.conf"));
	assert_int_equal(n->line, 1);
	assert_int_equal(n->mode, 0600);
	assert_int_equal(n->next->mode, 0644);
	espnic_conf_free(conf);

	write_file("main.conf", "include nothing/*.conf\na = 1", 0644);
	assert_string_equal(load(out, sizeof(out)), "a=1 ");
	write_file("main.conf", "a = 1\ninclude nothing.conf\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "main.conf:2: include: no file 'nothing.conf'");
	write_file("main.conf", "a = 1\ninclude main.conf\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "main.conf:2: more than 10 files include one another");
	write_file("main.conf", "s {\ninclude open.conf\n}\n", 0644);
	write_file("open.conf", "t {\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "open.conf:1: section 't', opened here, is never closed");
	write_file("open.conf", "a = 1 }\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "open.conf:1: '}' closes no section");
	write_file("main.conf", "include d\n", 0644);
	assert_string_equal(load(out, sizeof(out)), "d: not a regular file");
}

static void test_missing(void **state)
{
	struct espnic_conf_error err;

	(void)state;
	assert_null(espnic_conf_load("/nonexistent/x.conf", &err));
	assert_string_equal(err.text, "/nonexistent/x.conf: No such file or directory");
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd); /* NOLINT(bugprone-command-processor,cert-env33-c): a folder of our own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
