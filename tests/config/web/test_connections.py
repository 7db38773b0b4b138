"""Slow clients: what they hold, and when their connections end."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.web import connections
from tests.config.web.serving import Served, everything, serving, wait_until

REQUEST = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """With bounds of tenths of a second."""
    for name, value in {
        "_PERIOD_SECONDS": 0.05,
        "HEAD_SECONDS": 0.3,
        "REQUEST_SECONDS": 0.6,
        "IDLE_SECONDS": 0.4,
        "READ_GRACE_SECONDS": 0.5,
    }.items():
        monkeypatch.setattr(connections, name, value)
    with serving() as running:
        yield running


def seconds_until_closed(client: socket.socket, *, sending: bytes = b"") -> float:
    """While one byte of `sending` goes out every twentieth of a second."""
    began = time.monotonic()
    client.settimeout(0.05)
    for number in range(200):
        try:
            client.send(sending[number : number + 1])
            if not client.recv(1000):
                break
        except TimeoutError:
            pass
        except OSError:
            break
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize(
    ("opening", "trickle", "bound"),
    [
        (b"", b"", 0.4),
        (b"G", b"", 0.3),
        (b"GET / HTTP/1.1\r\nX-Slow: ", b"x" * 200, 0.3),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"", 0.6),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"x" * 200, 0.6),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\n", b"x" * 200, 0.6),
        (REQUEST, b"", 0.4),
        (REQUEST, b"GET / HTTP/1.1\r\nX-Slow: xxxxxxxxxxxxxxxxxxxxx", 0.3),
    ],
    ids=["nothing", "a byte", "a head", "no body", "a body", "pieces of a body", "nothing more", "a second head"],
)
def test_a_slow_sender_is_cut_off_after_a_total_time(served: Served, opening: bytes, trickle: bytes, bound: float):
    with served.connect() as client:
        client.sendall(opening)
        assert bound - 0.1 < seconds_until_closed(client, sending=trickle) < bound + 1
    assert served.application.began.count("/") == 0


def test_slow_senders_delay_nobody(served: Served):
    clients = [served.connect() for _ in range(40)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    began = time.monotonic()
    assert served.ask("/page").endswith(b"/page")
    assert time.monotonic() - began < 1


def test_urgent_data_ends_a_connection(served: Served):
    with served.connect() as client:
        client.send(b"!", socket.MSG_OOB)
        assert seconds_until_closed(client) < 0.25


def test_a_request_that_comes_in_pieces_is_served(served: Served):
    with served.connect() as client:
        for byte in b"POST /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([byte]))
        assert everything(client).endswith(b"/pageabc")


# --- slow readers ---


def test_a_slow_reader_holds_no_thread(served: Served, monkeypatch: pytest.MonkeyPatch):
    """Ten more than there are threads: the application is done with each of them long before its client is."""
    monkeypatch.setattr(connections, "READ_GRACE_SECONDS", 60)
    clients = served.begin("/bytes/5000000.csv", 12, receive_buffer=4096)
    wait_until(lambda: len(served.application.ended) == 12)
    assert all(client.recv(100) for client in clients)
    assert served.ask("/page").endswith(b"/page")


def test_a_slow_reader_gets_the_rest_when_it_reads(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "READ_GRACE_SECONDS", 60)
    with served.connect(receive_buffer=4096) as client:
        client.sendall(b"GET /bytes/5000000.csv HTTP/1.0\r\n\r\n")
        wait_until(lambda: served.application.ended)
        time.sleep(0.2)
        assert len(everything(client).partition(b"\r\n\r\n")[2]) == 5_000_000 // 65_536 * 65_536


@pytest.mark.parametrize("read", [0, 1000])
def test_a_reader_that_is_too_slow_is_cut_off(served: Served, read: int):
    with served.connect(receive_buffer=4096) as client:
        client.sendall(b"GET /bytes/5000000.csv HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        while served.listening.active_channels or not served.application.began:
            if read:
                client.recv(read)
            time.sleep(0.05)
            assert time.monotonic() - began < 3
        assert time.monotonic() - began > 0.4


@pytest.mark.slow
def test_a_reader_at_the_least_speed_is_not_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch):
    """The sockets' buffers make its reading come in bursts."""
    monkeypatch.setattr(connections, "MIN_READ_BYTES_PER_SECOND", 500_000)
    with served.connect() as client:
        client.sendall(b"GET /bytes/4000000.csv HTTP/1.0\r\n\r\n")
        size, began = 0, time.monotonic()
        while piece := client.recv(100_000):
            size += len(piece)
            time.sleep(0.05)
        assert size > 3_900_000
        assert time.monotonic() - began > 1


@pytest.mark.slow
def test_each_response_has_its_own_time(served: Served, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"IDLE_SECONDS": 5, "READ_GRACE_SECONDS": 0.8, "MIN_READ_BYTES_PER_SECOND": 10**12}.items():
        monkeypatch.setattr(connections, name, value)
    with served.connect(receive_buffer=4096) as client:
        for _ in range(2):
            client.sendall(b"GET /whole/3000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            size = 0
            while size < 3_000_000:
                piece = client.recv(1_000_000)
                assert piece
                size += len(piece)
            time.sleep(0.7)


def test_a_thread_that_waits_for_a_reader_goes_free_with_its_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(served.listening.adj, "outbuf_high_watermark", 1_000_000)
    with served.connect(receive_buffer=4096) as client:
        client.sendall(b"GET /bytes/50000000.csv HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: served.application.ended)
        assert not served.listening.active_channels


def test_what_readers_have_not_read_is_bounded_in_all(served: Served, monkeypatch: pytest.MonkeyPatch):
    """The largest goes; who has little left stays."""
    monkeypatch.setattr(connections, "READ_GRACE_SECONDS", 60)
    monkeypatch.setattr(connections, "MAX_FILES_BYTES", 8_000_000)
    small, large = served.connect(receive_buffer=4096), served.connect(receive_buffer=4096)
    small.sendall(b"GET /bytes/3000000.csv HTTP/1.0\r\n\r\n")
    large.sendall(b"GET /bytes/9000000.csv HTTP/1.0\r\n\r\n")
    wait_until(lambda: len(served.application.ended) == 2 and len(served.listening.active_channels) == 1)
    assert len(everything(small)) > 2_900_000
    assert len(everything(large)) < 8_000_000


def test_a_fast_reader_leaves_nothing_in_memory(served: Served):
    """Buffers that are used for long keep what they have sent; ours are left early."""
    with served.connect() as client:
        client.sendall(b"GET /bytes/30000000.csv HTTP/1.0\r\n\r\n")
        largest = 0
        while client.recv(1_000_000):
            for channel in list(served.listening.active_channels.values()):
                buffers = [one.buf for one in list(channel.outbufs) if one.buf and not one.overflowed]
                largest = max([largest, *(one.file.getbuffer().nbytes for one in buffers)])
        assert largest < 3_000_000


# --- too many ---


def test_a_new_connection_takes_the_place_of_the_one_that_waited_longest(served: Served):
    clients = [served.connect() for _ in range(50)]
    wait_until(lambda: len(served.listening.active_channels) == 50)
    assert served.ask("/page").endswith(b"/page")
    assert everything(clients[0]) == b""


def test_a_new_connection_takes_the_place_of_a_slow_reader(served: Served, monkeypatch: pytest.MonkeyPatch):
    """Where nobody else makes room. Who reads fast stays."""
    monkeypatch.setattr(connections, "READ_GRACE_SECONDS", 60)
    served.begin("/bytes/1500000.csv", 50, receive_buffer=4096)
    wait_until(lambda: len(served.application.ended) == 50)
    time.sleep(0.2)
    assert served.ask("/page").endswith(b"/page")
    wait_until(lambda: len(served.listening.active_channels) == 49)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 40_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"nonsense\r\n\r\n", b"400"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
        (
            b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
    ],
)
def test_what_is_too_large_or_unreadable_is_refused(served: Served, request_head: bytes, status: bytes):
    with served.connect() as client:
        client.sendall(request_head)
        assert everything(client).split(b" ")[1] == status
    assert not served.application.began


# --- what the application and its clients get ---


def test_head_gets_the_head_alone(served: Served):
    for path in ("/page", "/bytes/5000000.csv"):
        head, _, body = served.ask(path, method="HEAD").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert body == b""
    assert b"Content-Length: 5" in served.ask("/page", method="HEAD")
    assert "/bytes/5000000.csv" not in served.application.ended


def test_the_application_decides_which_proxies_it_trusts(served: Served):
    served.ask(
        "/page", headers="X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX_Forwarded_For: 6.6.6.6\r\n"
    )
    [environ] = served.application.environs
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")


def test_a_client_of_a_unix_socket_has_no_address(tmp_path: Path):
    """As behind a proxy on the same machine."""
    with serving(path=str(tmp_path / "web.sock")) as served:
        assert served.ask("/page").endswith(b"/page")
        [environ] = served.application.environs
    assert environ["REMOTE_ADDR"] == ""


def test_a_failing_response_is_logged_without_its_path(served: Served, caplog: pytest.LogCaptureFixture):
    assert served.ask("/bytes/0/invitation-of-somebody").startswith(b"HTTP/1.1 500 ")
    assert "ZeroDivisionError" in caplog.text
    assert "somebody" not in caplog.text


def test_no_response_names_the_server(served: Served):
    assert b"waitress" not in served.ask("/page") + served.ask("/page", method="(")


# --- stopping ---


def test_stopping_finishes_what_has_begun(served: Served):
    with served.connect() as slow, served.connect() as idle:
        slow.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: served.application.began)
        served.listening.stop()
        assert idle.recv(10) == b""
        served.application.gate.set()
        response = everything(slow)
    assert response.endswith(b"/wait")
    assert b"Connection: close" in response
