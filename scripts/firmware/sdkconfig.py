"""
Makes sdkconfig.h of a board's options by ESP-IDF's Kconfig files, as ESP-IDF's own build does. An option that ESP-IDF
does not know, or that does not get the value of the board's file, is told on a line of its own; such an option of the
board's file makes the exit code 1.

usage: sdkconfig.py IDF CHIP MERGED BOARD HEADER [OPTION=VALUE ...]
  MERGED: the options of the SDK and of the board; BOARD: those of the board alone; OPTION=VALUE: set last
"""
import glob
import os
import re
import sys
import tempfile

try:
    import kconfiglib
except ImportError:
    sys.exit("kconfiglib is missing: Debian's package python3-kconfiglib")


class MenuNode(kconfiglib.MenuNode):
    """Menus of ESP-IDF have help texts, which kconfiglib 14 does not expect."""

    __slots__ = ()

    def __init__(self, *args):
        super().__init__(*args)
        if not hasattr(self, "help"):
            self.help = None


kconfiglib.MenuNode = MenuNode


def load(idf, chip, folder):
    components = sorted(glob.glob(os.path.join(idf, "components", "*")))

    def sources(variable, name):
        path = os.path.join(folder, variable)
        with open(path, "w") as out:
            for component in components:
                kconfig = os.path.join(component, name)
                if name and os.path.exists(kconfig):
                    out.write('source "%s"\n' % kconfig)
        os.environ[variable] = path

    os.environ.update(IDF_PATH=idf, IDF_TARGET=chip, IDF_TOOLCHAIN="gcc", IDF_ENV_FPGA="", IDF_MINIMAL_BUILD="n")
    sources("COMPONENT_KCONFIGS_SOURCE_FILE", "Kconfig")
    sources("COMPONENT_KCONFIGS_PROJBUILD_SOURCE_FILE", "Kconfig.projbuild")
    sources("COMPONENT_KCONFIGS_EXCLUDED_SOURCE_FILE", "")
    sources("COMPONENT_KCONFIGS_PROJBUILD_EXCLUDED_SOURCE_FILE", "")
    return kconfiglib.Kconfig(os.path.join(idf, "Kconfig"), warn_to_stderr=False)


def renamed(idf):
    """Names of options that were renamed since, as ESP-IDF reads them from old files."""
    names = {}
    for path in glob.glob(os.path.join(idf, "**", "sdkconfig.rename*"), recursive=True):
        for line in open(path):
            found = re.match(r"CONFIG_(\w+)\s+!?CONFIG_(\w+)", line)
            if found:
                names[found.group(1)] = found.group(2)
    return names


def options(path):
    found = {}
    for line in open(path):
        match = re.match(r"CONFIG_(\w+)=(.*)", line)
        if match:
            found[match.group(1)] = match.group(2).strip().strip('"') or "n"
    return found


def main(idf, chip, merged, board, header, *last):
    with tempfile.TemporaryDirectory() as folder:
        kconfig = load(idf, chip, folder)
        wanted = os.path.join(folder, "wanted")
        with open(wanted, "w") as out:
            out.write(open(merged).read() + "\n" + "".join("CONFIG_%s\n" % one for one in last))
        kconfig.load_config(wanted)
    names = renamed(idf)
    overridden = {one.split("=")[0] for one in last}
    problems = 0
    own = options(board)
    for name, value in options(merged).items():
        symbol = kconfig.syms.get(name)
        is_own = name in own
        if symbol is None or not symbol.nodes:
            if not is_own and (value == "n" or name in names):
                continue
            new = names.get(name)
            owner = "board" if is_own else "SDK"
            hint = "; it is CONFIG_%s now" % new if new else ""
            print("%s: ESP-IDF knows no option CONFIG_%s%s" % (owner, name, hint))
            problems += is_own
        elif is_own and name not in overridden and symbol.str_value.lower() != own[name].lower():
            print("board: CONFIG_%s=%s has no effect: it is %s" % (name, own[name], symbol.str_value or "empty"))
            problems += 1
    os.makedirs(os.path.dirname(header), exist_ok=True)
    kconfig.write_autoconf(header)
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
