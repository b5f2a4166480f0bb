"""A person at a terminal, for the tests of commands that ask."""

import codecs
import fcntl
import os
import pty
import select
import subprocess
import termios

from harness import PATIENCE


def take_terminal():
    """In the child: so that Ctrl-C reaches it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Person:
    """Somebody at the terminal of a command, who sees everything that it writes."""

    def __init__(self, command, environment, typed_ahead=b""):
        self.master, tty = pty.openpty()
        os.write(self.master, typed_ahead)
        self.process = subprocess.Popen(command, stdin=tty, stdout=tty, stderr=tty, env=environment, start_new_session=True,
                                        preexec_fn=take_terminal)
        os.close(tty)
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # a letter may come in two pieces

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def read(self):
        """False: it has ended."""
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        if not ready:
            raise AssertionError(f"nothing came; so far: {self.seen}")
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen = (self.seen + self.decoder.decode(piece)).replace("\r\n", "\n")
        return bool(piece)

    def until(self, text):
        while text not in self.seen:
            if not self.read():
                raise AssertionError(f"it ended without {text!r}: {self.seen}")
        seen, self.seen = self.seen.split(text, 1)
        return seen

    def answer(self, prompt, text=""):
        self.until(prompt)
        self.until(": ")
        os.write(self.master, text.encode() + b"\n")

    def finish_setup(self, browse):
        """Goes on from setup's questions to its end, as end(); browse(page) is the address that a browser would be sent to."""
        self.answer("Enter goes on")
        self.until("Sign in as")
        self.until("\n  ")
        self.answer("Address", browse(self.until("\n")))
        self.answer("Change Postfix's files so [no]", "yes")
        return self.end()

    def end(self):
        """(exit status, the rest of what was seen)"""
        while self.read():
            pass
        return self.process.wait(PATIENCE), self.seen
