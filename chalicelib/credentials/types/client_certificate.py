"""client_certificate: what proves a caller in TLS itself (mutual TLS)."""

from __future__ import annotations

import os
import ssl
import tempfile

from pydantic import Field, model_validator

from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, SecretText, Tested


class ClientCertificateData(CredentialData):
    """A certificate with its key."""

    certificate: str = Field(min_length=1, max_length=65_536, description="The certificate, and those between it and its root, in PEM.")
    private_key: SecretText = Field(description="Its private key, in PEM.")
    passphrase: SecretText | None = Field(default=None, description="What the key is encrypted with, if it is.")

    @model_validator(mode="after")
    def _fit(self) -> ClientCertificateData:
        try:
            load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self)
        except (ssl.SSLError, ValueError, OSError):
            raise ValueError("certificate and private_key cannot be read, or do not belong together; give both in PEM") from None
        return self


def load_certificate(context: ssl.SSLContext, data: ClientCertificateData) -> None:
    """Present this certificate in connections of the context. Raises ssl.SSLError. The ssl module reads files only; this one is ours alone, and gone at once."""
    descriptor, path = tempfile.mkstemp(prefix="millrace-")
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{data.private_key}\n{data.certificate}\n")
        context.load_cert_chain(path, password=data.passphrase or "")
    finally:
        os.unlink(path)


async def test(data: ClientCertificateData, client: HttpClient) -> Tested:
    """Certificate and key were held against each other when they were stored; nobody is asked."""
    return Tested("ok", "certificate and key belong together")


SPEC = CredentialSpec(
    type="client_certificate",
    title="Client certificate",
    description="Mutual TLS: the certificate that proves a caller.",
    icon="certificate",
    model=ClientCertificateData,
    derived=lambda data: [line for line in data.private_key.splitlines() if len(line) > 20 and not line.startswith("-----")],
    test=test,
)
