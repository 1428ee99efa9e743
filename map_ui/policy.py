"""What a page of ours may load and run, said to the browser with every page and file.

Files carry it too, because a worker obeys the policy that came with its own script.
"""

_ALLOWED = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

CONTENT_SECURITY_POLICY = "; ".join(f"{what} {whence}" for what, whence in _ALLOWED.items())


def policy_with_script(nonce: str) -> str:
    """The same, and one script in the page itself: the one that repeats this page's own nonce."""
    return CONTENT_SECURITY_POLICY.replace("script-src", f"script-src 'nonce-{nonce}'")


PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
