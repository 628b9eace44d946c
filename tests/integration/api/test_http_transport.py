"""TLS options, client certificates, proxies and renewed tokens, over real connections."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.api import ApiClient
from tests.support.http_server import Request, answer, serving
from tests.support.runs import run_node

pytestmark = pytest.mark.usefixtures("worker")
SECRET = "proxy-password-canary"


def _pem(path: Path, name: str, issuer=None) -> tuple[str, str, tuple]:
    """A certificate and key, self-signed or by `issuer`, as PEM, and what signs further ones."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    (path / f"{name}.pem").write_text(private + certificate)
    return certificate, private, (subject, key)


@pytest.fixture
def authority(tmp_path):
    """A CA, a server's context signed by it, and the folder they stand in."""
    ca, _, issuer = _pem(tmp_path, "ca")
    _pem(tmp_path, "server", issuer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.load_verify_locations(cadata=ca)
    return ca, issuer, context


def ok(request: Request) -> bytes:
    return answer(b"ok")


def test_a_ca_of_ones_own_is_trusted_where_it_is_given_and_connections_are_shared(api, authority):
    ca, _, context = authority
    with serving(ok, tls=context) as server:
        url = server.url(scheme="https")
        assert run_node(api, "http.request", {"url": url})["error"]["code"] == "tls_error"
        for _ in range(2):
            assert run_node(api, "http.request", {"url": url, "tls": {"ca": ca}})["output"]["status"] == 200
        connections = server.connections
        assert run_node(api, "http.request", {"url": url, "tls": {"ca": ca}})["output"]["status"] == 200
        assert server.connections == connections
        assert run_node(api, "http.request", {"url": url, "tls": {"verify": False}})["output"]["status"] == 200


def test_a_ca_that_cannot_be_read_is_told(api):
    node = run_node(api, "http.request", {"url": "https://127.0.0.1:1/", "tls": {"ca": "no certificate"}})
    assert (node["error"]["code"], "tls/ca" in node["error"]["message"]) == ("invalid_config", True)


def test_client_certificates_prove_the_caller(api, authority, tmp_path):
    ca, issuer, context = authority
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, private, _ = _pem(tmp_path, "client", issuer)
    made = api.post("/credentials", {"name": "Robot", "type": "client_certificate", "data": {"certificate": certificate, "private_key": private}})
    assert made.status == 201, made.body
    assert private.splitlines()[1].encode() not in made.body
    with serving(ok, tls=context) as server:
        config = {"url": server.url(scheme="https"), "tls": {"ca": ca}}
        assert run_node(api, "http.request", config)["status"] == "failed"
        node = run_node(api, "http.request", {**config, "tls": {"ca": ca, "client": {"credential": "robot"}}})
        assert node["output"]["status"] == 200


def test_a_certificate_without_its_key_is_refused(api, tmp_path):
    certificate, _, _ = _pem(tmp_path, "one")
    _, other, _ = _pem(tmp_path, "two")
    answered = api.post("/credentials", {"name": "x", "type": "client_certificate", "data": {"certificate": certificate, "private_key": other}})
    assert answered.status == 422
    assert other.splitlines()[1].encode() not in answered.body


def test_a_proxy_is_asked_with_its_own_credential(api: ApiClient):
    api.post("/credentials", {"name": "Proxy", "type": "basic", "data": {"username": "u", "password": SECRET}})
    with serving(lambda request: answer(request.line.encode())) as proxy:
        config = {"url": "http://127.0.0.1:9/there?a=1", "proxy": {"url": proxy.url(""), "auth": {"credential": "proxy"}}}
        node = run_node(api, "http.request", config)
        assert node["output"]["body"] == "GET http://127.0.0.1:9/there?a=1 HTTP/1.1"
        sent = proxy.requests[-1].headers["proxy-authorization"]
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"u:{SECRET}"


@pytest.mark.parametrize("url", ["http://10.1.2.3/", "http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/"])
def test_a_proxy_opens_no_way_around_the_guard(api, url):
    with serving(ok) as proxy:
        node = run_node(api, "http.request", {"url": url, "proxy": {"url": proxy.url("")}})
        assert node["error"]["code"] == "egress_denied"
        assert proxy.requests == []


def test_the_proxy_itself_is_guarded(api):
    node = run_node(api, "http.request", {"url": "http://127.0.0.1:9/", "proxy": {"url": "http://10.1.2.3:3128"}})
    assert node["error"]["code"] == "egress_denied"


def test_an_answer_of_401_renews_the_access_token_once(api):
    tokens = iter(["first-token-1", "second-token-2", "third-token-3"])

    def reply(request: Request) -> bytes:
        if request.path == "/token":
            return answer(json.dumps({"access_token": next(tokens), "expires_in": 3600, "token_type": "Bearer"}).encode())
        right = request.headers.get("authorization") == "Bearer second-token-2"
        return answer(b"{}", "200 OK" if right else "401 Unauthorized")

    with serving(reply) as server:
        data = {"token_url": server.url("/token"), "client_id": "c", "client_secret": "the-client-secret"}
        api.post("/credentials", {"name": "App", "type": "oauth2_client_credentials", "data": data})
        for _ in range(2):
            node = run_node(api, "http.request", {"url": server.url("/api"), "auth": {"credential": "app"}})
            assert node["output"]["status"] == 200
        assert [request.path for request in server.requests] == ["/token", "/api", "/token", "/api", "/api"]
        form = server.requests[0]
        assert base64.b64decode(form.headers["authorization"].removeprefix("Basic ")) == b"c:the-client-secret"
        assert form.body == b"grant_type=client_credentials"
