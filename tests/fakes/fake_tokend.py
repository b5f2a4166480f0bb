#!/usr/bin/python3
"""A socketmap server in tokend's place, for tests of its clients: it says what it is told to, right or wrong.

    fake_tokend.py SOCKET 'MAP KEY=ANSWER' ...

ANSWER is a payload ("OK token", "TEMP reason"), or one of
    @size:N          OK and N letters
    @delay:S:ANSWER  the answer after S seconds
    @half:ANSWER     the first half of its netstring, then the end of the connection
    @drip:S:ANSWER   the answer, one byte every S seconds
    @raw:HEX         these bytes
    @close           the end of the connection at once
    @silent          nothing, for as long as the client stays
A question that is not in the table is answered with "NOTFOUND ". As a program it prints "ready" when it listens, and at
the end of its standard input how often each question was asked. As a module: `with FakeTokend(path, table) as tokend`.
"""

import collections
import os
import select
import socket
import sys
import threading
import time


def netstring(payload):
    return b"%d:%s," % (len(payload), payload)


def read_netstring(stream):
    digits = b""
    while not digits.endswith(b":"):
        byte = stream.read(1)
        if not byte:
            return None
        digits += byte
    payload = stream.read(int(digits[:-1]))
    return payload if stream.read(1) == b"," else None


class FakeTokend:
    def __init__(self, path, table=None):
        self.path = path
        self.table = dict(table or {})
        self.asked = collections.Counter()
        self._changed = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1024)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        os.unlink(self.path)

    def wait_until_asked(self, question, timeout=60):
        """False when nobody has asked that in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.asked[question] > 0, timeout)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                question = read_netstring(stream)
                while question is not None and self._answer(connection, question.decode("utf-8", "replace")):
                    question = read_netstring(stream)
            except OSError:
                pass

    def _answer(self, connection, question):
        """Answers; False when this connection is over."""
        with self._changed:
            self.asked[question] += 1
            self._changed.notify_all()
        answer = self.table.get(question, "NOTFOUND ")
        while answer.startswith("@delay:"):
            _, seconds, answer = answer.split(":", 2)
            time.sleep(float(seconds))
        if answer.startswith("@size:"):
            answer = "OK " + "t" * int(answer[6:])
        if answer == "@close":
            return False
        if answer == "@silent":
            gone = select.poll()
            gone.register(connection, 0)  # a hang-up, and not the end of its questions
            gone.poll()
            return False
        if answer.startswith("@raw:"):
            connection.sendall(bytes.fromhex(answer[5:]))
            return False
        if answer.startswith("@half:"):
            whole = netstring(answer[6:].encode())
            connection.sendall(whole[: len(whole) // 2])
            return False
        pause = 0
        if answer.startswith("@drip:"):
            _, pause, answer = answer.split(":", 2)
        whole = netstring(answer.encode())
        for piece in [whole] if not pause else [whole[i : i + 1] for i in range(len(whole))]:
            connection.sendall(piece)
            time.sleep(float(pause))
        return True


def main():
    path, *rules = sys.argv[1:]
    with FakeTokend(path, dict(rule.split("=", 1) for rule in rules)) as tokend:
        print("ready", flush=True)
        sys.stdin.read()
        for question, count in sorted(tokend.asked.items()):
            print(count, question)


if __name__ == "__main__":
    main()
