"""Plain English: phrases and names that were replaced do not return. `docs/glossary.md` defines the terms to use."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("accounts", "ingestion", "reporting", "config", "benchmarks")

# Regular expressions and what to say instead. A space matches any white space, also the end of a line.
BANNED = {
    r"\banew\b": "again",
    r"(?<![/\w])judg(e|es|ed|ing)\b(?!/)": "check, checked",
    r"\btold\b": "sent, notified, informed, shown",
    r"\b(tell|tells|telling) (of|us|apart|again|what|which|whether|how|when|as of)\b": "show, say, report",
    r"\b(does|did) not tell\b": "sent no …",
    r"\blet(s|ting)? ((it|them|that|an ad account) )?back\b": "restore",
    r"\bgo(es|ing|ne)? on (with|from|by|at|syncing|as|where|in|until|till|showing|reading|working|to)\b": "continue",
    r"\bwent on (with|from|by|at|as|where)\b": "continued",
    r"\bhear(s|d)? (of|what|from|in|it)\b": "is notified of, receives",
    r"\b(each|kept|shown|told|keep|keeps|lies|set) apart\b": "separately, in a different place",
    r"\bsay this once\b": "give this parameter once",
    r"\bsaid (again|anew|so)\b": "repeated",
    r"\bthis is no (?!longer)\w+": "not a valid …",
    r"(}|\d) (other )?things?\b": "items",
    r"(>|(?<!\")[\"'])every (ad account|status|severity|rule|state)[<\"']": "All ad accounts, All statuses …",
    r"(?-i:\bAsked (last|next)\b)": "Last sync, Next sync",
    r"\bfresh: (asked|synced)\b": "Synced 36 minutes ago; next sync after 4 hours",
    r"\b(answers?|requests?) (that are |are )?(in|at) hand\b": "current requests, current responses",
    r"\bsigns? of life\b": "heartbeat",
    r"\bset(s|ting)? (it |them |records? )?aside\b": "reject",
    r"\bheld against\b": "compared with",
    r"\btook at most\b": "median, 95th percentile",
    r"\b(gravest|dearest|dearer)\b": "most severe, highest, more expensive",
    r"\b(your|the) mailbox\b": "your inbox",
    r"\bstarts? without looking\b|\beven what is fresh\b": "start without a plan, sync again anyway",
    r"\bbudget (a day|in all)\b": "daily budget, lifetime budget",
    r"[\"'>]these days": "custom range",
    r"\bsomebody without a login\b": "No user (connected from the terminal)",
    r"\bby (itself|themselves)\b": "automatically, alone",
    r"\bmend(s|ed|ing)?\b": "fix, correct",
    r"\bknows? (no|nothing|neither|of no|not)\b": "is independent of, does not contain",
    r"\b(that|which|it|which|code|file|table|setting|data|timetable) lives\b": "is in, is stored in",
    r"\bwish(es)?\b": "request",
    r"\bput(s)? right\b": "correct",
    r"\bstands? (in|on|below|above|beside|under|there|here)\b": "is in, is listed below",
    r"\bwhat became of\b|\bwhat (comes|came) of\b": "result, state",
    r"\bsomebody should look\b": "needs attention",
    r"\bconsents? (live|lives|is alive|are alive)\b": "consents are valid",
    r"\bso many (bytes|days|rows|seconds|minutes|requests|answers)\b": "this many",
    r"\b(foresee|foresees|foretell|foretells|foretold)\b": "planned, described",
    r"\b(be|get) rid of\b": "remove",
    r"\bfrom being seen\b": "From impression to lead",
    r"\bnobody knows when\b": "unknown",
    r"\blook(s|ed|ing)? (into|among) (your|the|unwanted)\b": "check your inbox, check your spam folder",
}
# What a file of the product is not called: a noun says what its job is.
BANNED_MODULES = {
    *("judging", "asking", "keeping", "starting", "stopping", "shown", "state", "side_by_side", "signs_of_life"),
    *("garbage", "utils", "helpers", "common", "services"),
}
BANNED_NAMES = {
    r"told|said": "query_values, label",
    r"\w*Wish": "…Request",
    r"Patience": "RetryPolicy",
    r"_?(MOST|LONGEST|LARGEST)_\w+": "MAX_…",
    r"but|but_not": "exclude",
}

_PATTERNS = {phrase: re.compile(phrase.replace(" ", r"\s+"), re.IGNORECASE) for phrase in BANNED}
_TEMPLATE_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"")


def _documents() -> Iterator[tuple[str, str]]:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    yield "CHANGELOG.md", changelog.split("## 0.1.0")[0]
    single = [ROOT / "README.md", ROOT / ".env.example", ROOT / "docker-compose.yml", ROOT / "Dockerfile"]
    for path in [*single, *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").iterdir()]:
        yield str(path.relative_to(ROOT)), path.read_text()


def _pages() -> Iterator[tuple[str, str]]:
    static = [path for room in ROOMS for path in (ROOT / room).glob("static/**/*") if path.suffix in (".js", ".css")]
    templates = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    for path in [*static, *templates]:
        text = path.read_text()
        # Of template tags, texts in quotes count and names of variables do not.
        yield str(path.relative_to(ROOT)), _TEMPLATE_TAG.sub(lambda tag: " ".join(_QUOTED.findall(tag[0])), text)


def _modules() -> Iterator[Path]:
    for room in ROOMS:
        # Migrations keep the words of their time.
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


def _strings_and_comments(source: str) -> str:
    """The source with everything blanked out but strings and comments, so that lines keep their numbers."""
    lines = source.splitlines()
    kept = [[" "] * len(line) for line in lines]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.STRING, tokenize.COMMENT):
            continue
        (first, start), (last, end) = token.start, token.end
        for number in range(first, last + 1):
            text = lines[number - 1]
            begin, stop = (start if number == first else 0), (end if number == last else len(text))
            kept[number - 1][begin:stop] = text[begin:stop]
    return "\n".join("".join(line) for line in kept)


def _found(name: str, text: str) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: “{' '.join(match[0].split())}”; say: {BANNED[phrase]}"
        for phrase, pattern in _PATTERNS.items()
        for match in pattern.finditer(text)
    ]


def test_documents_use_plain_words() -> None:
    assert not [line for name, text in _documents() for line in _found(name, text)]


def test_pages_and_e_mails_use_plain_words() -> None:
    assert not [line for name, text in _pages() for line in _found(name, text)]


def test_code_uses_plain_words() -> None:
    """In strings, docstrings and comments."""
    found = []
    for path in _modules():
        found += _found(str(path.relative_to(ROOT)), _strings_and_comments(path.read_text()))
    assert not found


def test_modules_are_named_by_a_noun() -> None:
    assert not [str(path.relative_to(ROOT)) for path in _modules() if path.stem in BANNED_MODULES]


def test_names_are_the_usual_ones() -> None:
    found = []
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            for name in _names_given_by(node):
                better = [better for banned, better in BANNED_NAMES.items() if re.fullmatch(banned, name)]
                found += [
                    f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {name}; say: {one}" for one in better
                ]
    assert not found


def _names_given_by(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.arg(arg=name):
            return [name]
    return []


@pytest.mark.parametrize(
    "phrase",
    [
        "Judged anew after every sync",
        "1 thing",
        "All, each apart",
        "LinkedIn is told to end",
        "its ad accounts go on\nsyncing",
    ],
)
def test_the_list_finds_what_it_is_for(phrase: str) -> None:
    assert _found("page", phrase)
