/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NIST's CAVP files as Debian's python3-cryptography-vectors has them, read where the package puts them.
 */
#ifndef ESPNIC_DV_VECTORS_H
#define ESPNIC_DV_VECTORS_H

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "bits.h"

namespace espnic {

using Record = std::map<std::string, std::string>;

inline Bytes from_hex(const std::string &hex)
{
	Bytes out;

	for (size_t i = 0; i + 1 < hex.size(); i += 2)
		out.push_back(uint8_t(std::stoul(hex.substr(i, 2), nullptr, 16)));
	return out;
}

/* The package's folder, as python knows it; ends the program when there is none. */
inline std::string vectors_folder()
{
	FILE *p = popen("python3 -c 'import os, cryptography_vectors as v; print(os.path.dirname(v.__file__))'", "r");
	char line[4096] = "";

	if (!p || !fgets(line, sizeof(line), p) || pclose(p) || line[0] != '/') {
		fprintf(stderr, "no python3-cryptography-vectors\n");
		exit(2);
	}
	return std::string(line, std::string(line).find('\n'));
}

/*
 * The records of an .rsp file: NAME = VALUE lines from COUNT to member @last, and what the section's head in brackets says. A member that
 * stands behind @last in its file is missing from the record.
 */
inline std::vector<Record> rsp_records(const std::string &path, const std::string &last)
{
	std::ifstream in(path);
	std::vector<Record> records;
	Record record, head;
	std::string line;

	if (!in) {
		fprintf(stderr, "cannot read %s\n", path.c_str());
		exit(2);
	}
	while (std::getline(in, line)) {
		while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == ']'))
			line.pop_back();
		size_t from = !line.empty() && line[0] == '[', equal = line.find(" =");

		if (equal == std::string::npos || line[0] == '#')
			continue;
		std::string name = line.substr(from, equal - from);
		size_t value = line.find_first_not_of(" =", equal);

		std::string text = value == std::string::npos ? "" : line.substr(value);

		if (from)
			head[name] = text;
		if (from || name == "COUNT" || name == "Count")
			record = head;
		record[name] = text;
		if (name == last)
			records.push_back(record);
	}
	return records;
}

} // namespace espnic

#endif
