"""The shell of a simulated phone: takes a command line apart."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

from pocketnas.devices.simulated.commands import Commands, Phone, Result

Write = Callable[[bytes], None]

_BETWEEN = (";", "&&", "||", "|")


class Shell:
    """One shell, for one command line."""

    def __init__(self, phone: Phone, out: Write, err: Write) -> None:
        self._phone = phone
        self._out = out
        self._err = err
        self._status = 0

    def run(self, line: str) -> int:
        """Run commands joined by `;`, `&&`, `||` and `|`; the last one's exit status."""
        commands = Commands(self._phone, line)
        if not line.strip():
            return self._say(Result(1, err="a simulated phone has no prompt: adb shell COMMAND\n"))
        lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError as error:
            return self._say(Result(1, err=f"sh: syntax error: {error}\n"))
        before, piped = ";", ""
        while words:
            command = list(takewhile(lambda word: word not in _BETWEEN, words))
            words = words[len(command) :]
            after, words = (words[0], words[1:]) if words else (";", [])
            skipped = (before == "&&" and self._status) or (before == "||" and not self._status)
            if command and not skipped:
                result = self._redirected(commands, command, piped if before == "|" else "")
                if after == "|":
                    piped, result = result.out, replace(result, out="")
                self._say(result)
                if result.ends_shell:
                    break
            before = after
        return self._status

    def _say(self, result: Result) -> int:
        if result.out:
            self._out(result.out.encode())
        if result.err:
            self._err(result.err.encode())
        self._status = result.status
        return result.status

    def _redirected(self, commands: Commands, words: list[str], given: str) -> Result:
        """A command with `2>&1`, `2>/dev/null` or `> file` behind it."""
        goals = {"1": "", "2": ""}
        while len(words) >= 3 and words[-2] in (">", ">&"):
            file = words[-3] if words[-3] in goals and words[-2:] != [">", "1"] else None
            goals[file or "1"] = words[-1]
            words = words[: -3 if file else -2]
        result = commands.run([word.replace("$?", str(self._status)) for word in words], given)
        out, err = result.out, result.err
        if goals["2"] == "1":
            out, err = out + err, ""
        elif goals["2"]:
            err = ""
        if goals["1"] and goals["1"] != "/dev/null":
            try:
                self._phone.storage.write(commands.path(goals["1"]), out.encode(), 0o660)
            except OSError as error:
                return Result(1, err=f"sh: can't create {goals['1']}: {error}\n")
        return replace(result, out="" if goals["1"] else out, err=err)
