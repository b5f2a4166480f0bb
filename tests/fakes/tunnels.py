"""Two ways to the stand-in that are not its own address: an HTTP proxy that knows CONNECT, and a door at ::1."""

import socket
import socketserver
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def join(one, other):
    thread = threading.Thread(target=pump, args=(one, other), daemon=True)
    thread.start()
    pump(other, one)
    thread.join()


class _Tunnel(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address, handler):
        super().__init__(address, handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def close(self):
        self.shutdown()
        self.server_close()


class _Connect(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline(4096).decode("latin-1")
        self.server.asked.append(line.rstrip())
        while self.rfile.readline(4096).strip():
            pass
        method, target, _ = (line.split() + ["", "", ""])[:3]
        host, _, port = target.rpartition(":")
        if method != "CONNECT" or not port.isdigit():
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((host.strip("[]"), int(port)), 10) as server:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.wfile.flush()
            join(self.connection, server)


class ConnectProxy(_Tunnel):
    """`asked` has the first line of each request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Connect)


class _Forward(socketserver.BaseRequestHandler):
    def handle(self):
        self.server.asked.append(self.client_address[0])
        with socket.create_connection(("127.0.0.1", self.server.target), 10) as server:
            join(self.request, server)


class DoorAtIPv6(_Tunnel):
    """[::1]:port leads to 127.0.0.1:target."""

    address_family = socket.AF_INET6

    def __init__(self, target):
        self.target = target
        super().__init__(("::1", 0), _Forward)
