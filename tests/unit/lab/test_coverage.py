#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/coverage/driver: counts of several runs are added up, and those of another compilation refused."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# Under the name of a file of the driver, as only those count
SOURCE = """int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 3;
	return 0;
}
"""
NAME = "rss"
IF, THEN, ELSE = 4, 5, 6


def tool():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("coverage_driver", os.path.join(ROOT, "tests/coverage/driver"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("coverage_driver", loader))
    loader.exec_module(module)
    return module


def build(folder):
    subprocess.run(["gcc", "--coverage", "-O0", "-c", f"{NAME}.c"], cwd=folder, check=True)
    subprocess.run(["gcc", "--coverage", "-o", "program", f"{NAME}.o"], cwd=folder, check=True)


def run(folder, labs, side, *words):
    """One guest's counts of one run, where the lab leaves them."""
    subprocess.run([os.path.join(folder, "program"), *words], cwd=folder, check=False)
    left = os.path.join(labs, f"lab-{side}", f"{side}.coverage")
    os.makedirs(left)
    shutil.move(os.path.join(folder, f"{NAME}.gcda"), left)


def refused(merge):
    try:
        merge()
    except SystemExit as reason:
        return "another espnic.ko" in str(reason)
    return False


def main():
    module, results = tool(), []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as labs:
        module.OBJECTS, module.LABS = folder, labs
        with open(os.path.join(folder, f"{NAME}.c"), "w", encoding="ascii") as file:
            file.write(SOURCE)
        build(folder)
        run(folder, labs, "left")
        alone = module.merge()[0][f"{NAME}.c"]
        results.append(("one run", (alone[IF][0], alone[THEN][0], alone[ELSE][0]) == (1, 0, 1)))
        run(folder, labs, "right", "word")
        both, folders = module.merge()
        both = both[f"{NAME}.c"]
        results.append(("two runs added up", (both[IF][0], both[THEN][0], both[ELSE][0]) == (2, 1, 1) and len(folders) == 2))
        results.append(("the function is named", both[IF][1] == "main"))
        build(folder)
        results.append(("counts of another compilation", refused(module.merge)))
        os.unlink(os.path.join(folder, f"{NAME}.gcno"))
        results.append(("counts without notes", refused(module.merge)))
    for number, (what, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(results)}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
