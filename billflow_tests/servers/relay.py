"""A relay before a server, which can cut connections, hold them up and speak TLS with a certificate of its own."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Trap = tuple[int, Callable[[], bool]]
"""What is done to the first connection that has brought so many bytes; it tells whether that one goes on."""


@contextmanager
def relayed(
    port: int, certificate: Path | None = None, traps: list[Trap] | None = None
) -> Iterator[tuple[int, list[int]]]:
    """(port, cuts) of a relay before a server, by TLS with a certificate; each item of `cuts` ends one connection."""
    set_up: list[Trap] = [] if traps is None else traps
    cuts: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def accept() -> None:
        while True:
            try:
                client = listener.accept()[0]
                client = context.wrap_socket(client, server_side=True) if context else client
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=relay, args=(client, port, cuts, set_up), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], cuts
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def relay(client: socket.socket, port: int, cuts: list[int], traps: list[Trap]) -> None:
    try:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            back = threading.Thread(target=brought, args=(server, client, traps), daemon=True)
            back.start()
            copied(client, server, cuts)
    except ConnectionRefusedError:  # the client sees it as a connection that ends
        return


def brought(server: socket.socket, client: socket.socket, traps: list[Trap]) -> None:
    passed = 0
    try:
        while content := server.recv(65_536):
            passed += len(content)
            if traps and passed >= traps[0][0] and not traps.pop()[1]():
                break
            client.sendall(content)
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def copied(source: socket.socket, target: socket.socket, cuts: list[int]) -> None:
    try:
        while content := source.recv(65_536):
            if cuts:
                cuts.pop()
                return
            target.sendall(content)
    except OSError:
        return


def certified(folder: Path) -> Path:
    """A certificate that has signed itself, with its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
