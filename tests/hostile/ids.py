"""What has gone wrong elsewhere and was published, by kind, and which of it this program has no place for.

A to F and R are: who speaks, signatures, media types, requests to places they must not reach, redirects, sizes,
crawling. A row has the published ids of one mistake; one without an id bears the name of the release or the rule that
told of it. `NOT_OURS` says of an id why there is nothing here to test, and what would change that.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = {
    "A": "Who speaks, and for whom",
    "B": "Signatures and replays",
    "C": "Media types",
    "D": "Requests to where none may go",
    "E": "Redirects",
    "F": "Sizes, compression, depth",
    "R": "Crawling and exhaustion",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One mistake: its published ids, and what it was."""

    what: str
    ids: tuple[str, ...]


def _row(what: str, *ids: str) -> Row:
    return Row(what, ids)


ROWS: dict[str, Row] = {
    "A1": _row(
        "a key document was believed though its id was not its address", "CVE-2024-23832", "GHSA-3fjr-858r-92rw"
    ),
    "A2": _row(
        "an activity counted before its actor was compared with the key", "CVE-2025-54888", "GHSA-6jcc-xgcr-q3h4"
    ),
    "A3": _row("a known post was changed by whoever named its id", "CVE-2024-37903", "GHSA-xjvf-fm67-4qc3"),
    "A4": _row(
        "`url` lent a post the name of another server", "CVE-2025-25306", "GHSA-6w2c-vf6f-xf26", "CVE-2024-52591"
    ),
    "A5": _row(
        "a signature inside the document meant something else than what was read",
        "CVE-2024-32983",
        "GHSA-2vxv-pv3m-3wvj",
        "CVE-2022-24307",
    ),
    "A6": _row(
        "a signed graph was rearranged, or its context fetched twice",
        "CVE-2026-46349",
        "GHSA-53m7-2wrh-q839",
        "GHSA-chgx-jx3p-rf73",
        "CVE-2026-42462",
        "GHSA-9rfg-v8g9-9367",
        "CVE-2026-46713",
        "CVE-2026-47746",
    ),
    "A7": _row("a member lay outside what the signature covered", "CVE-2026-50128", "GHSA-rwcw-vq68-g34p"),
    "A8": _row("anybody deleted anything", "Hollo 0.8.5 Delete"),
    "A9": _row("an update rewrote or made a post of another server", "Hollo 0.8.5 Update"),
    "A10": _row("an announcement brought a forged post along", "Hollo 0.8.5 Announce"),
    "A11": _row("path and body named two people; doors without a check", "CVE-2020-26257", "CVE-2019-18835"),
    "A12": _row(
        "two spellings of a host were one server to one parser and two to another",
        "CVE-2023-42451",
        "GHSA-v3xf-c9qf-j667",
        "CVE-2019-9636",
        "CVE-2019-10160",
    ),
    "A13": _row("a handle carried a port and a path into the request", "CVE-2025-25194", "GHSA-7723-35v7-qcxw"),
    "A14": _row("addresses in an actor were of any scheme and shape", "GHSA-5wxh-3p65-r4g6", "GHSA-x2rc-v5wx-g3m5"),
    "A15": _row("an Accept of what was never asked changed something", "Mastodon 2.5.1 #8864"),
    "A16": _row("who was only asked counted as agreed, and read everything", "CVE-2025-30741", "GHSA-7287-grhx-542x"),
    "A17": _row(
        "permission to quote was asked of the wrong thing",
        "CVE-2026-33869",
        "GHSA-q4g8-82c5-9h33",
        "GHSA-8h43-rcqj-wpc6",
        "CVE-2025-62605",
    ),
    "A18": _row("a link hid part of where it leads", "CVE-2023-36462", "GHSA-55j9-c3mp-6fcq", "Mastodon #20217"),
    "A19": _row("a key was read although more than a key stood there", "snac2 2.93"),
    "A20": _row("a key document was kept under another name than its own", "Fedify #963"),
    "B1": _row("digest and host were not checked with the signature", "CVE-2023-49079", "GHSA-3f39-6537-3cgc"),
    "B2": _row("signature verification had a way round it", "CVE-2026-28432", "GHSA-grwc-c762-gcvp"),
    "B3": _row("the digest need not be signed", "activitypub-federation-rust #6", "activitypub-federation-rust #109"),
    "B4": _row("options of a proof could be changed", "Fedify 2.4"),
    "B5": _row("a repeated Create brought a deleted post back", "Mastodon 2.7.0 #9830"),
    "B6": _row("a request could be repeated for ever", "Mastodon Date window"),
    "B7": _row("a public key served as the secret of an HMAC", "CVE-2024-37568", "CVE-2022-29217"),
    "B8": _row("a key that everybody knows signed", "CVE-2026-24044", "ELEMENTSEC-2025-1670"),
    "B9": _row("a key that cannot be had was asked for each time", "CVE-2026-34148", "GHSA-gm9m-gwc4-hwgp"),
    "B10": _row("two readers saw two values of one name", "ASVS 1.5.3"),
    "B11": _row("keys that were changed, or never looked at again", "swicg key rotation"),
    "C1": _row("any JSON counted as an activity", "CVE-2024-25623", "GHSA-jhrq-qvrm-qr36"),
    "C2": _row("an upload was taken for an actor", "CVE-2024-25636", "GHSA-qqrm-9grj-6v32"),
    "C3": _row(
        "a proxy repeated the media type of others", "Akkoma 11ae8344eb", "Akkoma ba558c0c24", "Akkoma fc36b04016"
    ),
    "C4": _row("what could not be read was held all the same", "CVE-2024-52805"),
    "C5": _row("JSON under another name escaped a browser's question", "ASVS 3.5.2"),
    "C6": _row("a header changed a page that others were shown", "CVE-2026-53943"),
    "D1": _row("a name changed its mind between check and connection", "CVE-2024-39687", "GHSA-p9cg-vqcc-grcx"),
    "D2": _row("discovery followed every redirect", "CVE-2025-23221", "GHSA-c59p-wq67-24wx"),
    "D3": _row("special addresses were not known to be special", "CVE-2026-50131", "GHSA-xw9q-2mv6-9fr8"),
    "D4": _row("a link of NodeInfo led inside", "CVE-2026-62857", "GHSA-hqph-j65v-8cq5"),
    "D5": _row("a signed request was led inside", "CVE-2026-77632", "GHSA-cxc3-7q96-6cpx"),
    "D6": _row(
        "an address hid in another one, four times",
        "CVE-2026-22245",
        "GHSA-xfrj-c749-jxxq",
        "CVE-2026-46348",
        "GHSA-crr4-7rm4-8gpw",
        "CVE-2026-47389",
        "GHSA-xx55-4rrg-8xg6",
        "GHSA-vwhj-3g83-v276",
    ),
    "D7": _row("0.0.0.0 was not refused", "CVE-2026-33693"),
    "D8": _row("a part of an address became two", "CVE-2026-29178", "GHSA-jvxv-2jjp-jxc3"),
    "D9": _row("one letter caused any number of requests", "CVE-2025-32948"),
    "D10": _row("somebody signed in aimed the server's requests", "CVE-2022-23644", "CVE-2023-3188", "CVE-2021-39195"),
    "D11": _row("push and previews went past the list", "CVE-2021-21273", "CVE-2021-21392", "CVE-2023-32683"),
    "D12": _row("features beside the main one had no guard", "CVE-2023-42450", "GHSA-hcqf-fw2r-52g4", "CVE-2026-53946"),
    "D13": _row("a new feature forgot the guarded socket", "GHSA-46w6-g98f-wxqm"),
    "D14": _row("a private IPv4 address was written as IPv6", "Hollo 0.8.3"),
    "D15": _row("the standard library was wrong about addresses", "CVE-2024-4032", "CVE-2021-29921"),
    "D16": _row("nothing was checked when a name had both families", "Misskey 2024.2.0"),
    "D17": _row(
        "blanks and unknown schemes in front of an address", "CVE-2019-9948", "CVE-2023-24329", "CVE-2022-0391"
    ),
    "E1": _row("redirects without an end", "CVE-2026-34148", "CVE-2025-46553"),
    "E2": _row("where a redirect ended was not compared with the id", "FEP-fe34"),
    "E3": _row("a small file led to a huge one", "CVE-2021-21274"),
    "E4": _row(
        "credentials went along to another server",
        "CVE-2018-18074",
        "CVE-2023-32681",
        "CVE-2018-20060",
        "CVE-2023-43804",
        "CVE-2018-25091",
    ),
    "E5": _row(
        "our own redirects led elsewhere",
        "GHSA-xqw8-4j56-5hj6",
        "CVE-2021-21330",
        "CVE-2021-28861",
        "CVE-2020-28724",
        "CVE-2022-35953",
    ),
    "E6": _row("a page led to another server without a word", "Mastodon 4.3.0"),
    "F1": _row("members from elsewhere had no limits", "CVE-2026-23962", "GHSA-gg8q-rcg7-p79g"),
    "F2": _row("members from here had no limits", "GHSA-6x3w-9g92-gvf3", "Mastodon 3.4.2"),
    "F3": _row("a request unfolded into gigabytes", "CVE-2025-69223", "GHSA-6mq8-rvhq-8wgg"),
    "F4": _row("an answer in an encoding with faults", "CVE-2020-8927", "CVE-2025-6176"),
    "F5": _row("nesting exhausted the stack", "CVE-2024-27454", "CVE-2022-31052", "CVE-2019-15542", "CVE-2023-36632"),
    "F6": _row("a long number took quadratic time", "CVE-2020-10735"),
    "F7": _row("NaN and Infinity went in and never came out", "CVE-2020-26890"),
    "F8": _row("what was accepted could not be said again", "CVE-2025-30355"),
    "F9": _row("one bad thing stopped all behind it", "CVE-2023-32323", "CVE-2024-52815", "CVE-2025-61672"),
    "F10": _row(
        "a server that drips held a worker", "CVE-2023-36461", "GHSA-9pxv-6qvf-pjwc", "Mastodon 2.6.2", "Mastodon 2.6.3"
    ),
    "F11": _row("identifiers of any length", "CVE-2021-21393", "CVE-2021-21394"),
    "F12": _row("half a surrogate pair, or a NUL", "X12"),
    "R1": _row("a collection whose pages never end", "CVE-2025-32947"),
    "R2": _row("each thing names ten others on new hosts", "CVE-2022-46405", "Mastodon #22025", "Mastodon #23506"),
    "R3": _row("what was remembered of a host stayed for ever", "CVE-2026-69132", "GHSA-fx98-wc5v-jrg5"),
    "R4": _row("one bad inbox stopped delivery", "GHSA-5wxh-3p65-r4g6 delivery"),
    "R5": _row("how much may be asked in one go", "http_fetch_limit", "maxIter", "reply fetch"),
    "R6": _row("things that refer to themselves", "Mastodon #17041", "Mastodon #9292"),
    "R7": _row("collections inside `to`", "ActivityPub B"),
}

_NO_MEDIA = "nothing is uploaded and no file of others is kept or passed on; ours with the first photo"
_NO_PUSH = "there is no push, no preview of links and no oEmbed; ours with any of them, through the one way out (D12)"
_NO_MAIL = "no mail is read or written; ours with the first of it"

NOT_OURS: dict[str, dict[str, str]] = {
    "C2": dict.fromkeys(ROWS["C2"].ids, _NO_MEDIA),
    "C3": dict.fromkeys(ROWS["C3"].ids, _NO_MEDIA),
    "D11": dict.fromkeys(ROWS["D11"].ids, _NO_PUSH),
    "F5": {"CVE-2023-36632": _NO_MAIL},
}


def verdicts() -> list[tuple[str, str]]:
    """Every row and id there is, in order: what the document has a line for, and the run counts."""
    return [(name, one) for name, row in ROWS.items() for one in row.ids]
