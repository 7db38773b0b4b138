"""What requests and other libraries take from the environment and from the person's home folder.

A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, with exceptions in NO_PROXY) leads to LinkedIn, but not
to this machine itself, where the simulated LinkedIn may be. Passwords of ~/.netrc are not sent: requests would add them
to what LinkedIn receives.

Set in the environment once, because libraries send some of the requests.
"""

import os
from typing import Final

_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


def limit_environment() -> None:
    """For this process and those that it starts."""
    os.environ["NETRC"] = os.devnull
    # The name that libraries look for first.
    name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    excepted = [one.strip() for one in os.environ.get(name, "").split(",") if one.strip()]
    if "*" not in excepted:
        os.environ[name] = ",".join(dict.fromkeys([*excepted, *_THIS_MACHINE]))
