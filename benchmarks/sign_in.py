"""Measures how pages fare while many people sign in at once.

`python -m benchmarks.sign_in` starts throw-away databases and the web process as `Procfile` does, and opens a page many
times: alone, and while `--people` (12) sign in with a password side by side. Bars: no page takes longer than two
seconds meanwhile, and sign-ins go on.
"""

import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator

import requests

from benchmarks import figures
from benchmarks.figures import Figure, at_least, at_most, figure
from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack, running_stack

PEOPLE = 12
SECONDS = 20
MAX_PAGE_SECONDS = 2.0
PAGE = "/people/me/"


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE, help="who sign in side by side")
    options = parser.parse_args()
    figures.report(measure(options.people), json_file=options.json)


def measure(people: int) -> Iterator[Figure]:
    """Seconds of a page, alone and meanwhile; what the sign-ins got."""
    with running_stack(WorldSize(ad_accounts=1), connected=False) as stack:
        stack.make_owner()
        stack.ready_web()
        reader = requests.Session()
        assert _sign_in(stack, reader) == 302
        alone = [_page(stack, reader) for _ in range(20)]
        yield figure("a page alone, median", statistics.median(alone), "s", places=3)
        answers: Counter[int] = Counter()
        meanwhile = _pages_while_others_sign_in(stack, reader, people, answers)
    yield figure(f"a page while {people} sign in, median", statistics.median(meanwhile), "s", places=3)
    yield at_most(f"a page while {people} sign in, slowest", max(meanwhile), "s", MAX_PAGE_SECONDS, places=3)
    yield at_least("sign-ins", answers[302] / SECONDS, "per second", 0.5)
    yield figure("sent away with 503", answers[503] / SECONDS, "per second")
    yield at_most("other answers", sum(answers.values()) - answers[302] - answers[503], "", 0)


def _pages_while_others_sign_in(
    stack: Stack, reader: requests.Session, people: int, answers: Counter[int]
) -> list[float]:
    is_over = threading.Event()
    lock = threading.Lock()

    def go_on() -> None:
        while not is_over.is_set():
            status = _sign_in(stack, requests.Session())
            with lock:
                answers[status] += 1
            if status == 503:
                time.sleep(0.5)

    threads = [threading.Thread(target=go_on) for _ in range(people)]
    for thread in threads:
        thread.start()
    ends_at, taken = time.monotonic() + SECONDS, []
    while time.monotonic() < ends_at:
        taken.append(_page(stack, reader))
        time.sleep(0.05)
    is_over.set()
    for thread in threads:
        thread.join()
    return taken


def _page(stack: Stack, reader: requests.Session) -> float:
    began = time.monotonic()
    answer = reader.get(f"{stack.pages_url}{PAGE}", timeout=60, allow_redirects=False)
    assert answer.status_code == 200, answer.status_code
    return time.monotonic() - began


def _sign_in(stack: Stack, browser: requests.Session) -> int:
    address = f"{stack.pages_url}/admin/login/"
    form = browser.get(address, timeout=60).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert found
    given = {"username": OWNER_EMAIL, "password": OWNER_PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = browser.post(address, given, headers={"Referer": address}, timeout=60, allow_redirects=False)
    return answer.status_code


if __name__ == "__main__":
    main()
