import pytest

from auditor.observe.rtsp import parse


def test_options_and_challenges():
    facts = parse(
        b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nServer: Rtsp Server/3.0\r\nPublic: OPTIONS, DESCRIBE\r\n"
        b'WWW-Authenticate: Digest realm="Login to 4K01FD2PAJ6E3FF", nonce="1"\r\nWWW-Authenticate: Basic realm="/"\r\n\r\n',
        "OPTIONS",
    )
    assert facts["rtsp.server"] == ("Rtsp Server/3.0",)
    assert facts["rtsp.public"] == ("OPTIONS, DESCRIBE",)
    assert facts["rtsp.www_authenticate"] == ('Digest realm="Login to 4K01FD2PAJ6E3FF", nonce="1"', 'Basic realm="/"')


def test_description_with_and_without_framing():
    body = b"v=0\r\ns=Media Presentation\r\n"
    assert (
        parse(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + body, "DESCRIBE")["rtsp.body"]
        == parse(body, "DESCRIBE")["rtsp.body"]
    )


@pytest.mark.parametrize("public", ["OPTIONS,DESCRIBE,PLAY", "OPTIONS, DESCRIBE,  PLAY", " options ,Describe, PLAY,", "OPTIONS DESCRIBE PLAY", "OPTIONS\r\nPublic: DESCRIBE, PLAY"])  # fmt: skip
def test_methods_are_the_same_in_every_spelling(public):
    facts = parse(f"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic:{public}\r\n\r\n".encode(), "OPTIONS")
    assert facts["rtsp.public"] == ("OPTIONS, DESCRIBE, PLAY",)
