"""A relay before a server, which can cut connections and speak TLS with a certificate of its own."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@contextmanager
def relayed(port: int, certificate: Path | None = None) -> Iterator[tuple[int, list[int]]]:
    """(port, cuts) of a relay before a server, by TLS with a certificate; each item of `cuts` ends one connection."""
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
            threading.Thread(target=relay, args=(client, port, cuts), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], cuts
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def relay(client: socket.socket, port: int, cuts: list[int]) -> None:
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=copied, args=(server, client, []), daemon=True)
        back.start()
        copied(client, server, cuts)


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
