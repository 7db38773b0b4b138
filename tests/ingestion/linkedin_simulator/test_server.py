"""The simulator over real loopback HTTP, its control addresses, and a clean end."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ingestion.linkedin_simulator import Simulator, running_server, serve

from .conftest import ACCOUNT, Caller, analytics_target

SEARCH = "/rest/adAccounts?q=search&pageSize=10"
ANALYTICS = analytics_target("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-21")


@pytest.fixture
def base(simulator: Simulator) -> Iterator[str]:
    with running_server(simulator) as url:
        yield url


@pytest.fixture
def session(caller: Caller) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({name: value for name, value in caller.headers.items() if name != "Host"})
        yield session


def test_same_answers_as_in_process(base: str, session: requests.Session, caller: Caller):
    assert session.get(base + ANALYTICS).json() == caller.get(ANALYTICS)


def test_keep_alive_without_stalls(base: str, session: requests.Session):
    """A delayed acknowledgement would cost each call 40 ms; what else the machine does slows down some of them."""
    session.get(base + SEARCH)
    took = []
    for _ in range(50):
        started = time.perf_counter()
        assert session.get(base + SEARCH).status_code == 200
        took.append(time.perf_counter() - started)
    assert min(took) < 0.03


def test_many_at_once_are_counted(base: str, session: requests.Session, simulator: Simulator):
    simulator._sleep = time.sleep
    simulator.switch_on("slow", seconds=0.2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: session.get(base + SEARCH).status_code, range(8)))
    assert found == [200] * 8
    counted = requests.get(f"{base}/simulator/calls", timeout=5).json()
    assert counted["calls"] == {"adAccounts": 8}
    assert counted["statuses"] == {"adAccounts": {"200": 8}}
    assert 4 <= counted["peak"] <= 8
    assert list(counted["peak_per_token"].values()) == [counted["peak"]]
    requests.delete(f"{base}/simulator/calls", timeout=5)
    assert requests.get(f"{base}/simulator/calls", timeout=5).json()["calls"] == {}


def test_reset_and_cut_body_on_the_wire(base: str, session: requests.Session, simulator: Simulator):
    simulator.switch_on("flaky", kinds=["reset"], count=1)
    with pytest.raises(requests.ConnectionError):
        session.get(base + SEARCH)
    simulator.switch_on("cut_body", count=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        session.get(base + ANALYTICS)
    assert session.get(base + ANALYTICS).status_code == 200


def test_tunnelled_post_over_http(base: str, session: requests.Session, caller: Caller):
    path, _, query = ANALYTICS.partition("?")
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    assert session.post(base + path, data=query, headers=headers).json() == caller.get(ANALYTICS)


def test_control_addresses(base: str, session: requests.Session):
    control = f"{base}/simulator"
    assert session.get(f"{control}/world").json()["ad_accounts"] == [ACCOUNT, ACCOUNT + 1, ACCOUNT + 2]
    assert session.post(f"{control}/faults", json={"name": "throttle_day"}).status_code == 200
    assert session.get(base + SEARCH).status_code == 429
    moved = session.put(f"{control}/clock", json={"now": "2026-11-22T00:00:00+00:00"})
    assert moved.json()["now"] == session.get(f"{control}/clock").json()["now"] == "2026-11-22T00:00:00+00:00"
    assert session.get(base + SEARCH).status_code == 200
    assert session.delete(f"{control}/faults").json() == {"on": []}
    changed = session.post(f"{control}/changes", json={"change": "rename", "ad_account": ACCOUNT, "name": "New name"})
    assert changed.status_code == 200
    assert session.get(f"{base}/rest/adAccounts/{ACCOUNT}").json()["name"] == "New name"
    truth = session.get(f"{control}/truth?ad_account={ACCOUNT}&first_day=2026-11-20&last_day=2026-11-21").json()
    assert truth["ad_accounts"][0]["name"] == "New name"
    assert {row["date"] for row in truth["account_daily_totals"]} == {"2026-11-20", "2026-11-21"}
    token = session.post(f"{control}/tokens", json={"member": 2, "scope": "r_ads"}).json()["access_token"]
    assert session.get(base + SEARCH, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert session.delete(f"{control}/tokens?member=2").json()["revoked"] == 2
    for wrong in ({"name": "gremlins"}, {"name": "slow", "speed": 3}, {}):
        assert session.post(f"{control}/faults", json=wrong).status_code == 400
    assert session.put(f"{control}/clock", json={"now": "2026-11-22T00:00:00"}).status_code == 400
    assert session.get(f"{control}/nothing").status_code == 404


def test_front_page_says_what_it_is(base: str):
    page = requests.get(base, timeout=5)
    assert "simulated LinkedIn" in page.text


def test_port_in_use_is_an_oserror(simulator: Simulator):
    with running_server(simulator) as url, pytest.raises(OSError, match=r"[Aa]ddress"):
        serve(simulator, port=int(url.rpartition(":")[2]))


def test_closing_leaves_no_thread_and_no_port(simulator: Simulator, session: requests.Session):
    before = set(threading.enumerate())
    with running_server(simulator) as url:
        session.get(url + SEARCH)
        idle = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
    assert set(threading.enumerate()) <= before
    with idle, pytest.raises(requests.ConnectionError):
        session.get(url + SEARCH)
