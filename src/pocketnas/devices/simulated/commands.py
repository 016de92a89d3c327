"""What the shell of a simulated phone can do: what a measurement and a curious user need."""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from pocketnas.devices.simulated.files import Storage

_HOME = "/"
_AARCH64 = 183  # e_machine in the header of a program for a phone


class Phone(Protocol):
    """What the shell asks of the phone around it."""

    storage: Storage

    def properties(self) -> dict[str, str]:
        """For `getprop`."""
        ...

    def files(self) -> dict[str, str]:
        """Those the kernel makes up: their text, by path."""
        ...

    def service(self, name: str) -> str | None:
        """What `dumpsys` prints of it."""
        ...

    def execute(
        self, flags: Sequence[str], cores: int | None, local: Callable[[str], Path]
    ) -> tuple[int, str]:
        """Exit status and output of a pushed program, kept on the cores of a mask.

        `local` says where a path of the phone, as the program sees it, lies on this computer.
        """
        ...

    def kill(self) -> int:
        """End what `execute` runs; how many there were."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a command leaves behind."""

    status: int = 0
    out: str = ""
    err: str = ""
    ends_shell: bool = False


class Commands:
    """The commands of one command line, which they see as the `ps` of a real phone would."""

    def __init__(self, phone: Phone, line: str) -> None:
        self._phone = phone
        self._line = line
        self._folder = _HOME

    def run(self, words: list[str], given: str) -> Result:
        """A command and its arguments; `given` is what a pipe feeds it."""
        name, *arguments = words
        options = [word for word in arguments if word.startswith("-")]
        rest = [word for word in arguments if not word.startswith("-")]
        match name:
            case "echo":
                return Result(out=" ".join(arguments) + "\n")
            case "true" | "sync":
                return Result()
            case "id":
                return Result(out="uid=2000(shell) gid=2000(shell) groups=2000(shell)\n")
            case "pwd":
                return Result(out=self._folder + "\n")
            case "cd":
                self._folder = self.path(rest[0]) if rest else _HOME
                return Result()
            case "uname":
                return Result(out="Linux\n" if not options else "Linux simulated aarch64\n")
            case "getprop":
                return self._getprop(rest)
            case "dumpsys":
                text = self._phone.service(" ".join(rest))
                lost = f"Can't find service: {' '.join(rest)}\n"
                return Result(out=text) if text else Result(err=lost)
            case "cat":
                return self._read(rest, given, lambda path, text: text)
            case "grep":
                return self._grep(options, rest, given)
            case "head":
                return self._head(arguments, given)
            case "ls":
                return self._ls(options, rest)
            case "mkdir":
                for path in rest:
                    self._phone.storage.local(self.path(path)).mkdir(parents=True, exist_ok=True)
                return Result()
            case "chmod":
                return self._chmod(rest)
            case "rm":
                return self._rm(options, rest)
            case "df":
                return self._df()
            case "pkill":
                return self._pkill(options, rest)
            case "taskset" if len(rest) >= 2:
                return self._program(arguments[1], arguments[2:], arguments[0])
            case _:
                return self._program(name, arguments, None)

    def path(self, word: str) -> str:
        """The path that a word means in the current folder."""
        return posixpath.normpath(posixpath.join(self._folder, word))

    def _getprop(self, names: list[str]) -> Result:
        properties = self._phone.properties()
        if names:
            return Result(out=properties.get(names[0], "") + "\n")
        return Result(out="".join(f"[{name}]: [{text}]\n" for name, text in properties.items()))

    def _found(self, pattern: str) -> list[str]:
        """The files that a path with `*` in it means."""
        path = self.path(pattern)
        if "*" not in path:
            return [path]
        storage, depth = self._phone.storage, path.count("/")
        stored = ["/" + str(p.relative_to(storage.folder)) for p in storage.folder.rglob("*")]
        everything = [*self._phone.files(), *stored]
        return [f for f in everything if f.count("/") == depth and fnmatchcase(f, path)] or [path]

    def _text(self, path: str) -> str | None:
        made_up = self._phone.files().get(path)
        if made_up is not None:
            return made_up
        place = self._phone.storage.local(path)
        return place.read_text(errors="replace") if place.is_file() else None

    def _read(self, patterns: list[str], given: str, line: Callable[[str, str], str]) -> Result:
        out, err = [], []
        for path in [found for pattern in patterns for found in self._found(pattern)]:
            text = self._text(path)
            if text is None:
                err.append(f"{path}: No such file or directory\n")
            else:
                out.append(line(path, text))
        if not patterns:
            out.append(line("", given))
        return Result(1 if err else 0, "".join(out), "".join(err))

    def _head(self, arguments: list[str], given: str) -> Result:
        count, paths = 10, arguments
        if arguments[:1] == ["-n"] and arguments[1:2] and arguments[1].isdecimal():
            count, paths = int(arguments[1]), arguments[2:]
        result = self._read(paths, given, lambda path, text: text)
        kept = result.out.splitlines(keepends=True)[:count]
        return Result(result.status, "".join(kept), result.err)

    def _grep(self, options: list[str], rest: list[str], given: str) -> Result:
        if not rest:
            return Result(2, err="grep: needs a pattern\n")
        try:
            wanted = re.compile(rest[0])
        except re.error as error:
            return Result(2, err=f"grep: {error}\n")

        def lines(path: str, text: str) -> str:
            prefix = f"{path}:" if path and ("-H" in options or len(rest) > 2) else ""
            kept = [line for line in text.splitlines() if wanted.search(line)]
            return "".join(f"{prefix}{line}\n" for line in kept)

        result = self._read(rest[1:], given, lines)
        return Result(0 if result.out else 1, result.out, result.err)

    def _ls(self, options: list[str], rest: list[str]) -> Result:
        out, err = [], []
        for path in [found for pattern in rest or ["."] for found in self._found(pattern)]:
            place = self._phone.storage.local(path)
            inside = [f for f in self._phone.files() if f.startswith(path.rstrip("/") + "/")]
            made_up = {f[len(path.rstrip("/")) + 1 :].partition("/")[0] for f in inside}
            if place.is_dir() or made_up:
                stored = {each.name for each in place.iterdir()} if place.is_dir() else set()
                out += [f"{name}\n" for name in sorted(stored | made_up)]
            elif self._text(path) is not None:
                size = f"{place.stat().st_size} " if "-l" in options and place.is_file() else ""
                out.append(f"{size}{path}\n")
            else:
                err.append(f"ls: {path}: No such file or directory\n")
        return Result(1 if err else 0, "".join(out), "".join(err))

    def _chmod(self, rest: list[str]) -> Result:
        mode, paths = rest[0] if rest else "", rest[1:]
        for path in paths:
            place = self._phone.storage.local(self.path(path))
            if not place.exists():
                return Result(1, err=f"chmod: {path}: No such file or directory\n")
            place.chmod(
                int(mode, 8) if re.fullmatch("[0-7]+", mode) else place.stat().st_mode | 0o111
            )
        return Result()

    def _rm(self, options: list[str], rest: list[str]) -> Result:
        force, deep = ("f" in "".join(options)), ("r" in "".join(options))
        err = []
        for path in [found for pattern in rest for found in self._found(pattern)]:
            place = self._phone.storage.local(path)
            try:
                if place.is_dir() and not deep:
                    return Result(1, err=f"rm: {path}: Is a directory\n")
                self._phone.storage.remove(place)
            except OSError:
                err.append(f"rm: {path}: No such file or directory\n")
        return Result() if force or not err else Result(1, err="".join(err))

    def _df(self) -> Result:
        free = self._phone.storage.free
        left = 1 << 26 if free is None else free // 1024
        return Result(out=f"Filesystem 1K-blocks Available Mounted on\n/data - {left} /data\n")

    def _pkill(self, options: list[str], rest: list[str]) -> Result:
        """All programs, whatever the pattern; and with -f this very shell if that has the words."""
        try:
            itself = "-f" in options and bool(re.search(" ".join(rest), self._line))
        except re.error as error:
            return Result(1, err=f"pkill: bad pattern: {error}\n")
        killed = self._phone.kill()
        if itself:
            return Result(137, ends_shell=True)
        return Result(0 if killed else 1)

    def _program(self, name: str, flags: list[str], cores: str | None) -> Result:
        place = self._phone.storage.local(self.path(name))
        if "/" not in name or not place.is_file():
            return Result(127, err=f"sh: {name}: inaccessible or not found\n")
        if not place.stat().st_mode & 0o111:
            return Result(126, err=f"sh: {name}: can't execute: Permission denied\n")
        if _is_foreign(place):
            return Result(126, err=f"sh: {name}: not executable: 64-bit ELF file\n")
        try:
            mask = int(cores, 16) if cores else None
        except ValueError:
            return Result(1, err=f"taskset: bad mask '{cores}'\n")
        if mask == 0:
            return Result(1, err="taskset: failed to set affinity: Invalid argument\n")
        storage = self._phone.storage
        status, out = self._phone.execute(flags, mask, lambda word: storage.local(self.path(word)))
        return Result(status, out)


def _is_foreign(program: Path) -> bool:
    """Whether it is a program for another processor than a phone's; e_machine of ELF's header."""
    with program.open("rb") as file:
        head = file.read(20)
    return head.startswith(b"\x7fELF") and int.from_bytes(head[18:20], "little") != _AARCH64
