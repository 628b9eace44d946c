"""The page behind an approval's link, for the person who is asked: plain HTML with one form and no script. Opening it decides nothing, since mail programs look at links too."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from chalicelib.api.replies import Reply
from chalicelib.engine.answers import Question

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 36rem; margin: 10vh auto; padding: 0 1rem; }
blockquote { margin: 1.5rem 0; padding-left: 1rem; border-left: 4px solid #5b6ee1; white-space: pre-wrap; overflow-wrap: anywhere; }
label { display: block; margin-top: 1rem; }
input, textarea { display: block; box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; }
button { margin: 1.5rem .75rem 0 0; padding: .6rem 1.5rem; font: inherit; cursor: pointer; }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The first button is what the return key presses: one that does nothing.
_FORM = """
<form method="post" action="{action}"><button disabled hidden></button>
<label>Your name <input name="by" maxlength="500" autocomplete="name"></label>
<label>Comment <textarea name="comment" rows="3" maxlength="10000"></textarea></label>
<button name="decision" value="approved">Approve</button><button name="decision" value="rejected">Reject</button>
</form>
"""


def question_page(question: Question, token: str) -> Reply:
    """What is asked, with the form while it can be answered, else what became of it."""
    return _page(question, _FORM.format(action=escape(f"{token}/form")) if question.open else _became(question), 200)


def outcome_page(question: Question, decision: str | None) -> Reply:
    """The answer to a form: the decision that was taken; None: another came first, or the time was up."""
    if decision is not None:
        return _page(question, f"<p role='status'>Thank you. You have <strong>{escape(decision)}</strong> this.</p>", 200)
    return _page(question, _became(question), 409)


def _became(question: Question) -> str:
    decision, by = question.output.get("decision"), question.output.get("by")
    if decision is None:
        return "<p role='status'>There is nothing to decide any more: it has been answered, or its time was up.</p>"
    who = f" by {escape(str(by))}" if by else ""
    return f"<p role='status'>This was <strong>{escape(str(decision))}</strong>{who}.</p>"


def _page(question: Question, rest: str, status: int) -> Reply:
    message = question.config.get("message") or ""
    approvers = ", ".join(str(name) for name in question.config.get("approvers") or ())
    parts = [
        f"<h1>{escape(question.title)}</h1><p>The workflow <strong>{escape(question.workflow)}</strong> asks for a decision.</p>",
        f"<blockquote>{escape(str(message))}</blockquote>" if message else "",
        f"<p>Asked: {escape(approvers)}</p>" if approvers else "",
        rest,
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(question.title)}</title><style>{_STYLE}</style>'
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",  # the address is the secret
        "X-Content-Type-Options": "nosniff",
    }
    return Reply(status, f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>', headers)
