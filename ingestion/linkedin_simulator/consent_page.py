"""The pages a person sees: consent, LinkedIn's own 401, and what the simulator says of itself."""

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;
background:#eef3f8;color:#1d2226}main{width:min(32rem,94vw);background:#fff;border-radius:12px;padding:2rem;
box-shadow:0 2px 18px #0002}h1{font-size:1.35rem;margin:.2rem 0 1rem}.badge{display:inline-block;
background:#ffe7a8;color:#5c4300;border-radius:99px;padding:.1rem .8rem;font-size:.85rem;font-weight:600}
ul{padding-left:1.2rem}code{background:#8882;padding:.05rem .35rem;border-radius:4px;overflow-wrap:anywhere}
fieldset{border:1px solid #8884;border-radius:8px;margin:1rem 0}label{display:block;padding:.25rem 0}
.buttons{display:flex;gap:.8rem;justify-content:flex-end;margin-top:1.2rem}button{font:inherit;font-weight:600;
padding:.55rem 1.6rem;border-radius:99px;border:1px solid #0a66c2;background:#fff;color:#0a66c2;cursor:pointer}
button.allow{background:#0a66c2;color:#fff}@media(prefers-color-scheme:dark){body{background:#16191c;color:#e6e6e6}
main{background:#22272b}button{background:#22272b;color:#70b5f9}}
"""
_SCOPES = {
    "r_ads": "See your ad accounts, campaigns and creatives",
    "rw_ads": "Manage your ad accounts",
    "r_ads_reporting": "See the reports of your ad accounts",
    "r_organization_social": "See your organization's posts",
    "openid": "Know who you are",
    "profile": "Use your name and photo",
    "email": "Use your primary e-mail address",
}


def page(title: str, content: str) -> bytes:
    """Give a self-contained HTML page, marked as the simulator's."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<span class="badge">LinkedIn simulator – not LinkedIn</span><h1>{escape(title)}</h1>{content}'
        "</main></body></html>"
    ).encode()


def consent(client_id: str, scopes: Sequence[str], members: Sequence[str], carried: Mapping[str, str]) -> bytes:
    """Give the consent page; the form carries every parameter on."""
    wanted = "".join(
        f"<li>{escape(_SCOPES.get(scope, 'More access'))} <code>{escape(scope)}</code></li>" for scope in scopes
    )
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in carried.items()
    )
    return page(
        "Allow access?",
        f"<p><code>{escape(client_id)}</code> would like to:</p><ul>{wanted}</ul>"
        f'<form method="post" action="/oauth/v2/authorization">{hidden}{_choice(members)}<div class="buttons">'
        '<button name="decision" value="cancel">Cancel</button>'
        '<button class="allow" name="decision" value="allow">Allow</button></div></form>',
    )


def _choice(members: Sequence[str]) -> str:
    if len(members) == 1:
        return '<input type="hidden" name="member" value="1">'
    options = "".join(
        f'<label><input type="radio" name="member" value="{number}"{" checked" if number == 1 else ""}> '
        f"{escape(name)}</label>"
        for number, name in enumerate(members, start=1)
    )
    return f"<fieldset><legend>Continue as</legend>{options}</fieldset>"


def refusal(message: str) -> bytes:
    """Give LinkedIn's own error page, from which nobody is sent back."""
    return page("Bummer, something went wrong.", f"<p>{escape(message)}</p>")


def welcome(facts: Mapping[str, str]) -> bytes:
    """Give the page at the root."""
    rows = "".join(f"<li>{escape(name)}: <code>{escape(value)}</code></li>" for name, value in facts.items())
    return page(
        "This is a simulated LinkedIn",
        "<p>It answers LinkedIn's OAuth and Marketing API addresses with made-up data, for demos and tests. "
        f"No advertiser, person or figure here is real.</p><ul>{rows}</ul>"
        "<p>What it offers tests: <code>/simulator/world</code> <code>/simulator/calls</code> "
        "<code>/simulator/clock</code> <code>/simulator/faults</code> <code>/simulator/changes</code> "
        "<code>/simulator/truth</code></p>",
    )
