// SPDX-License-Identifier: BSD-2-Clause
/* VICI's bytes: what is written is read again, as elements and as a tree; what is malformed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/vici.h"

enum { HEAD = 5 }; /* bytes of a packet before its message: length and type */

static void flatten(const struct espnic_conf_node *section, char *out, size_t len)
{
	const struct espnic_conf_node *n;

	for (n = section->first; n; n = n->next) {
		if (n->value) {
			snprintf(out + strlen(out), len - strlen(out), "%s=%s ", n->name, n->value);
			continue;
		}
		snprintf(out + strlen(out), len - strlen(out), "%s{", n->name);
		flatten(n, out, len);
		snprintf(out + strlen(out), len - strlen(out), "} ");
	}
}

/* The protocol's own example: key1 = value1, section1 { sub-section { key2 = value2 } list1 = [ item1, item2 ] } */
static const uint8_t example[] = "\x03\x04key1\x00\x06value1"
				 "\x01\x08section1"
				 "\x01\x0bsub-section"
				 "\x03\x04key2\x00\x06value2"
				 "\x02"
				 "\x04\x05list1"
				 "\x05\x00\x05item1"
				 "\x05\x00\x05item2"
				 "\x06"
				 "\x02";

static void test_write(void **state)
{
	struct espnic_vici_writer w;

	(void)state;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_vici_value(&w, "key1", "value%d", 1);
	espnic_vici_section(&w, "section1");
	espnic_vici_section(&w, "sub-section");
	espnic_vici_value(&w, "key2", "value2");
	espnic_vici_section_end(&w);
	espnic_vici_list(&w, "list1");
	espnic_vici_list_item(&w, "item1");
	espnic_vici_list_item(&w, "item2");
	espnic_vici_list_end(&w);
	espnic_vici_section_end(&w);
	assert_true(espnic_vici_finish(&w));
	assert_int_equal(w.len, HEAD + sizeof(example) - 1);
	assert_memory_equal(w.data, "\0\0\0", 3);
	assert_int_equal(w.data[3], sizeof(example));
	assert_int_equal(w.data[4], ESPNIC_VICI_CMD_RESPONSE);
	assert_memory_equal(w.data + HEAD, example, sizeof(example) - 1);
	free(w.data);

	espnic_vici_begin(&w, ESPNIC_VICI_EVENT, "list-conn");
	assert_true(espnic_vici_finish(&w));
	assert_memory_equal(w.data, "\0\0\0\x0b\x07\x09list-conn", 15);
	free(w.data);
}

static void test_write_limits(void **state)
{
	static char big[UINT16_MAX + 1];
	struct espnic_vici_writer w;
	char name[257];
	int i;

	(void)state;
	memset(name, 'n', 256);
	name[256] = 0;
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_vici_section(&w, name);
	assert_false(espnic_vici_finish(&w));
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	espnic_vici_bytes(&w, "k", big, sizeof(big));
	assert_false(espnic_vici_finish(&w));
	espnic_vici_begin(&w, ESPNIC_VICI_CMD_RESPONSE, NULL);
	for (i = 0; i < 9; i++)
		espnic_vici_bytes(&w, "k", big, UINT16_MAX);
	assert_false(espnic_vici_finish(&w));
}

static const char *tree(const uint8_t *message, size_t len)
{
	static char flat[1024];
	struct espnic_vici_blobs blobs = { .n = 0 };
	struct espnic_conf_error err;
	struct espnic_conf *conf = espnic_vici_tree(message, len, &blobs, &err);

	flat[0] = 0;
	if (!conf) {
		snprintf(flat, sizeof(flat), "%s", err.text);
		return flat;
	}
	flatten(espnic_conf_root(conf), flat, sizeof(flat));
	espnic_conf_free(conf);
	return flat;
}

#define TREE(bytes) tree((const uint8_t *)(bytes), sizeof(bytes) - 1)

static void test_tree(void **state)
{
	(void)state;
	assert_string_equal(tree(example, sizeof(example) - 1),
			    "key1=value1 section1{sub-section{key2=value2 } list1=item1, item2 } ");
	assert_string_equal(TREE(""), "");
	assert_string_equal(TREE("\x03\x01k\x00\x00"), "k= ");
	/* a list of nothing is none */
	assert_string_equal(TREE("\x04\x01l\x06"), "");
	/* the later of two */
	assert_string_equal(TREE("\x03\x01k\x00\x01"
				 "1\x03\x01k\x00\x01"
				 "2"),
			    "k=2 ");
}

static void test_malformed(void **state)
{
	static const char want[] = "vici:1: a malformed message";
	size_t len;
	uint8_t *cut;
	char *deep;
	int i;

	(void)state;
	assert_string_equal(TREE("\x00"), want);
	assert_string_equal(TREE("\x07"), want);
	assert_string_equal(TREE("\x02"), want);
	assert_string_equal(TREE("\x05\x00\x01x"), want);
	assert_string_equal(TREE("\x06"), want);
	assert_string_equal(TREE("\x04\x01l\x04\x01m"), want);
	assert_string_equal(TREE("\x04\x01l\x01\x01s"), want);
	assert_string_equal(TREE("\x04\x01l\x03\x01k\x00\x00"), want);
	assert_string_equal(TREE("\x01\x01s"), want);
	assert_string_equal(TREE("\x04\x01l"), want);
	assert_string_equal(TREE("\x03\x00\x00\x00"), "vici:1: a name that is none");
	assert_string_equal(TREE("\x03\x03x.y\x00\x00"), "vici:1: a name that is none");
	assert_string_equal(TREE("\x01\x01{\x02"), "vici:1: a name that is none");
	assert_string_equal(TREE("\x03\x01k\x00\x02x\0"),
			    "vici:1: 'k': a value that is no text, or longer than 65535 bytes");
	/* cut anywhere, in memory of just that size */
	for (len = 1; len < sizeof(example) - 1; len++) {
		cut = malloc(len);
		assert_non_null(cut);
		memcpy(cut, example, len);
		/* behind key1 = value1 the message may end */
		assert_string_equal(tree(cut, len), len == 14 ? "key1=value1 " : want);
		free(cut);
	}
	deep = calloc(1, 3 * (ESPNIC_VICI_DEPTH + 1) + 1);
	for (i = 0; i <= ESPNIC_VICI_DEPTH; i++)
		memcpy(deep + 3 * (size_t)i, "\x01\x01s", 3);
	assert_string_equal(tree((uint8_t *)deep, 3 * (ESPNIC_VICI_DEPTH + 1)), want);
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_limits),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
